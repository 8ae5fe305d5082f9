// What t/clients/record-thunderbird has Thunderbird do: runs in its chrome context; arguments: the name of a step.
const { MailServices } = ChromeUtils.importESModule("resource:///modules/MailServices.sys.mjs");

const root = MailServices.accounts.accounts[0].incomingServer.rootFolder;
const inbox = root.getFolderWithFlags(Ci.nsMsgFolderFlags.Inbox);
const work = root.getChildNamed("Work");

function header(number) {
	return [...inbox.messages].find(message => message.subject == "mail " + number);
}

function show(message) {
	const listener = {
		QueryInterface: ChromeUtils.generateQI(["nsIStreamListener"]),
		onStartRequest() {},
		onStopRequest() {},
		onDataAvailable(request, stream, offset, count) {
			const input = Cc["@mozilla.org/scriptableinputstream;1"].createInstance(Ci.nsIScriptableInputStream);
			input.init(stream);
			input.read(count);
		},
	};
	const uri = inbox.getUriForMsg(message);
	MailServices.messageServiceFromURI(uri).streamMessage(uri, listener, null, null, false, "");
}

const steps = {
	"the inbox is opened": () => inbox.updateFolder(null),
	"a message is shown": () => show(header(2)),
	"marked read": () => inbox.markMessagesRead([header(2)], true),
	"starred": () => inbox.markMessagesFlagged([header(3)], true),
	"tagged": () => inbox.addKeywordsToMessages([header(3)], "$label1"),
	"copied": () => MailServices.copy.copyMessages(inbox, [header(4)], work, false, null, null, false),
	"moved": () => MailServices.copy.copyMessages(inbox, [header(5)], work, true, null, null, false),
	"deleted": () => inbox.deleteMessages([header(6)], null, false, false, null, false),
	"a folder is made": () => root.createSubfolder("Neu und sch\u00f6n", null),
	"another folder is opened": () => work.updateFolder(null),
	"compacted": () => inbox.compact(null, null),
	"new mail is looked for": () => MailServices.accounts.accounts[0].incomingServer.getNewMessages(inbox, null, null),
};

steps[arguments[0]]();
