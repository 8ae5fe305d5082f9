// A day of a mailbox with imapflow, which reads every answer by its own parser: node imapflow.js '{"port": ...}'.
// The folder with imapflow in its node_modules comes in NODE_PATH. Lines on standard output are events for the test that
// runs this ("idle": now is the time to deliver a message); what it found comes as one line of JSON, "found {...}".
'use strict';

const { ImapFlow } = require('imapflow');
const { once } = require('events');

const options = JSON.parse(process.argv[2]);
const found = {};

// Everything that the client takes as wrong with an answer is an error here.
const problems = [];
const logger = {
	trace() {}, debug() {}, info() {},
	warn: entry => problems.push(entry),
	error: entry => problems.push(entry),
};

function client(more) {
	return new ImapFlow({
		host: '127.0.0.1', port: options.port, secure: options.secure, logger, qresync: true,
		auth: { user: options.user, pass: options.pass },
		tls: { rejectUnauthorized: false, minVersion: 'TLSv1.2' }, ...more,
	});
}

function message(subject, extra) {
	return Buffer.from([
		'From: "Änne" <anna@example.test>', 'To: bert@example.test, group: "C, D" <cd@example.test>;', `Subject: ${subject}`,
		'Date: Fri, 21 Nov 2025 12:00:00 +0100', `Message-ID: <${subject}@example.test>`, 'MIME-Version: 1.0',
		'Content-Type: multipart/mixed; boundary="b"', '', '--b', 'Content-Type: text/plain; charset=utf-8',
		'Content-Transfer-Encoding: quoted-printable', '', `Gr=C3=BC=C3=9Fe ${extra ?? ''}`, '--b',
		'Content-Type: application/octet-stream; name="data.bin"', 'Content-Disposition: attachment; filename="data.bin"',
		'Content-Transfer-Encoding: base64', '', 'AAECAwQF', '--b--', '',
	].join('\r\n'));
}

async function folders(imap) {
	const made = await imap.mailboxCreate(['Büro', 'Änderungen']);
	await imap.mailboxCreate('Passing');
	found.renamed = (await imap.mailboxRename('Passing', 'Passed')).newPath;
	found.deleted = (await imap.mailboxDelete('Passed')).path;
	await imap.mailboxSubscribe(made.path);
	const list = await imap.list({ statusQuery: { messages: true, unseen: true, uidNext: true } });
	found.folders = list.map(folder => folder.path).sort();
	found.special = Object.fromEntries(list.filter(folder => folder.specialUse).map(folder => [folder.path, folder.specialUse]));
	found.subscribed = list.filter(folder => folder.subscribed && folder.path === made.path).length;
	found.statusInList = list.filter(folder => folder.status && folder.status.messages === 0).length;
	return made.path;
}

async function appended(imap) {
	const uids = [];
	for (let number = 1; number <= 5; number++)
		uids.push((await imap.append('INBOX', message(`mail-${number}`, number), number === 2 ? ['\\Seen', 'work'] : [],
			new Date('2025-11-21T12:00:00Z'))).uid);
	return uids;
}

async function read(imap) {
	const messages = await imap.fetchAll('1:*', { uid: true, flags: true, envelope: true, bodyStructure: true, internalDate: true,
		size: true, threadId: true, headers: ['subject', 'message-id'] });
	found.messages = messages.map(one => ({
		uid: one.uid, subject: one.envelope.subject, from: one.envelope.from[0].name, to: one.envelope.to.map(to => to.address),
		flags: [...one.flags].filter(flag => flag !== '\\Recent').sort(), parts: one.bodyStructure.childNodes.map(part => part.type),
		date: one.internalDate.toISOString(), sizeIsRight: one.size === message(`mail-${one.seq}`, one.seq).length,
		header: one.headers.toString().trim().split('\r\n').sort(), modseq: typeof one.modseq, emailId: typeof one.emailId,
	}));
	const text = await imap.download('3', '1');
	found.text = (await text.content.toArray()).map(String).join('');
	const data = await imap.download('3', '2');
	found.data = Buffer.concat(await data.content.toArray()).toString('hex');
	const whole = await imap.fetchOne('4', { source: true });
	found.wholeIsRight = whole.source.equals(message('mail-4', 4));
	const piece = await imap.fetchOne('4', { source: { start: 6, maxLength: 20 } });
	found.pieceIsRight = piece.source.equals(message('mail-4', 4).subarray(6, 26));
}

async function search(imap) {
	found.seen = await imap.search({ seen: true }, { uid: true });
	found.bySubject = await imap.search({ header: { subject: 'mail-3' } }, { uid: true });
	found.byText = await imap.search({ body: 'Grüße' }, { uid: true });
	found.combined = await imap.search({ or: [{ keyword: 'work' }, { from: 'nobody' }], not: { deleted: true }, since: '2025-11-20' },
		{ uid: true });
}

// Someone else delivers a message, sets a flag and removes one while this client idles.
async function idle(imap) {
	const heard = Promise.all(['exists', 'flags', 'expunge'].map(async event => {
		const what = await once(imap, event);
		console.log(event); // for the test, which goes on then
		return what;
	}));
	const idling = imap.idle();
	console.log('idle');
	const [[exists], [flags], [expunge]] = await heard;
	found.exists = [exists.prevCount, exists.count];
	found.flagsHeard = [flags.uid, [...flags.flags].filter(flag => flag !== '\\Recent')];
	found.expunged = [expunge.vanished, expunge.uid];
	await imap.noop(); // ends the IDLE
	await idling;
}

async function change(imap, folder) {
	await imap.messageFlagsAdd('2', ['\\Flagged', '$Forwarded'], { uid: true });
	await imap.messageFlagsRemove('2', ['\\Seen'], { uid: true });
	const copied = await imap.messageCopy('1:2', folder, { uid: true });
	found.copied = [...copied.uidMap];
	const moved = await imap.messageMove('3', folder, { uid: true });
	found.moved = [...moved.uidMap];
	found.removed = await imap.messageDelete('4', { uid: true });
	found.status = await imap.status(folder, { messages: true, unseen: true, uidNext: true, highestModseq: true });
	found.status.highestModseq = typeof found.status.highestModseq;
	const quota = await imap.getQuota('INBOX');
	found.quotaIsGiven = quota !== undefined;
	await imap.mailboxOpen(folder, { readOnly: true });
	found.readOnly = imap.mailbox.readOnly;
}

// What a client that was away hears of its folder when it opens it again.
async function resynchronise(state) {
	const imap = client();
	const vanished = [];
	const flags = [];
	imap.on('expunge', event => vanished.push(event.uid));
	imap.on('flags', event => flags.push(event.uid));
	await imap.connect();
	await imap.mailboxOpen('INBOX', { changedSince: state.modseq, uidValidity: state.uidValidity });
	found.resynchronised = { qresync: imap.mailbox.qresync, vanished: vanished.sort(), flags: flags.sort() };
	await imap.logout();
}

async function main() {
	const imap = client();
	await imap.connect();
	found.secure = imap.secureConnection;
	found.compressed = Boolean(imap._deflate);
	found.enabled = [...imap.enabled].sort();
	found.server = imap.serverInfo.name;
	found.namespace = imap.namespace;
	const folder = await folders(imap);
	found.appended = await appended(imap);
	const opened = await imap.mailboxOpen('INBOX');
	const state = { modseq: opened.highestModseq, uidValidity: opened.uidValidity };
	found.opened = { exists: opened.exists, uidNext: opened.uidNext, keywords: opened.permanentFlags.has('\\*') };
	await read(imap);
	await search(imap);
	await idle(imap);
	await change(imap, folder);
	await imap.logout();
	await resynchronise(state);
	found.problems = problems.map(problem => ({ msg: problem.msg, text: String(problem.err ?? problem.error ?? '') }));
	console.log('found ' + JSON.stringify(found, (name, value) => typeof value === 'bigint' ? String(value) : value));
}

main().catch(error => {
	console.error(error, error.response ?? '');
	process.exit(1);
});
