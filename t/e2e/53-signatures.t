#!/usr/bin/perl
# Signatures: which text goes under whose mail, inside and outside; what is signed or encrypted keeps its bytes.
use strict;
use warnings;
use lib 't/lib';
use MIME::Base64 qw(decode_base64 encode_base64);
use MIME::QuotedPrint qw(decode_qp);
use Postroom::Need qw(find_program);
use Postroom::Process qw(read_file run_program write_file);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;

my $remote = Postroom::SmtpServer->start(extensions => ['8BITMIME', 'PIPELINING']);
my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' }, relay => ['127.0.0.9']);
my $domain = $p->domain;
my $scripts = $p->dir . '/etc/scripts';
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), '127.0.0.1:' . $remote->port);

my ($sent, $delivered) = (0, 0);

# Send a message to somebody outside and to bert; both forms as they came, without the trace fields on top.
sub both {
	my ($text, %options) = @_;
	my $smtp = $p->smtp(service => $options{login} ? 'submission' : 'smtp', local => $options{login} ? '127.0.0.1' : '127.0.0.9');
	$smtp->ehlo;
	is $smtp->auth('PLAIN', $options{login}, "$options{login}-secret"), 235, 'logged in' if $options{login};
	my $to = $options{to} // ['kate@remote.test', "bert\@$domain"];
	like $smtp->send_message("anna\@$domain", $to, $text), qr/\A250/, 'taken';
	my ($outside, $inside);
	if (grep { /remote/ } @$to) {
		my @messages = $remote->wait_messages(++$sent);
		$outside = $messages[-1]{data};
	}
	if (grep { /bert/ } @$to) {
		my $pop3;
		$delivered++;
		$p->wait_for(sub { $pop3 = $p->pop3; $pop3->login('bert', 'bert-secret'); ($pop3->stat)[0] >= $delivered }, 'bert has it');
		$inside = $pop3->retr($delivered);
		$pop3->quit;
	}
	return map { defined $_ ? s/\r\n/\n/gr : undef } $outside, $inside;
}

sub body { return $_[0] =~ s/\A.*?\n\n//sr }

sub attribute {
	my ($user, $key, $value) = @_;
	return $p->postroom_ok('user', 'set', $user, $key, $value);
}

my $PLAIN = "Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=us-ascii\n\nhello\n";

$p->set('signature.outgoing.default' => "-- \nDEFAULT OUT", 'signature.internal.default' => 'DEFAULT IN');

subtest '06-8.6 internal and outgoing copies of one mail carry their own signature' => sub {
	my ($outside, $inside) = both($PLAIN);
	is body($outside), "hello\n\n-- \nDEFAULT OUT\n", 'outside';
	is body($inside), "hello\n\nDEFAULT IN\n", 'inside';
	like $_, qr/^Subject: x\nMIME-Version: 1\.0\nContent-Type: text\/plain; charset=us-ascii\n/m, 'the header is as it was' for $outside, $inside;
	my $smtp = $p->smtp;
	like $smtp->send_message('stranger@x.test', ["bert\@$domain"], "Subject: in\n\nhello\n"), qr/\A250/, 'from outside';
	my $pop3;
	$delivered++;
	$p->wait_for(sub { $pop3 = $p->pop3; $pop3->login('bert', 'bert-secret'); ($pop3->stat)[0] >= $delivered }, 'bert has it');
	is body($pop3->retr($delivered) =~ s/\r\n/\n/gr), "hello\n", 'mail of strangers gets none';
};

subtest '02-12.1 personal, internal and default signatures' => sub {
	attribute('anna', 'signature.outgoing.text', 'Anna for the world');
	attribute('anna', 'signature.internal.text', "Anna\nfor us");
	$p->set('signature.outgoing.users' => 'ALL USERS');
	my ($outside, $inside) = both($PLAIN, login => 'anna');
	is body($outside), "hello\n\nAnna for the world\n", 'personal';
	is body($inside), "hello\n\nAnna\nfor us\n", 'personal, inside';
	($outside) = both($PLAIN, to => ['kate@remote.test']);
	is body($outside), "hello\n\n-- \nDEFAULT OUT\n", 'without a login the default';
	($outside) = both($PLAIN, login => 'bert', to => ['kate@remote.test']);
	is body($outside), "hello\n\nALL USERS\n", 'of a user without his own that for users';
};

subtest '06-8.5 tags: one within the other' => sub {
	$p->set('signature.outgoing.users' => 'A <personalsig> B');
	attribute('anna', 'signature.outgoing.text', 'P <globalsig>');
	is body((both($PLAIN, login => 'anna', to => ['kate@remote.test']))[0]), "hello\n\nA P  B\n", 'the global one is the frame';
	$p->set('signature.outgoing.users' => 'GLOBAL');
	is body((both($PLAIN, login => 'anna', to => ['kate@remote.test']))[0]), "hello\n\nP GLOBAL\n", 'the personal one is';
};

subtest '06-8.4 <blank> stops the fall-back' => sub {
	$p->set('signature.outgoing.users' => '<blank>');
	is body((both($PLAIN, login => 'bert', to => ['kate@remote.test']))[0]), "hello\n", 'none for who logged in';
	is body((both($PLAIN, to => ['kate@remote.test']))[0]), "hello\n\n-- \nDEFAULT OUT\n", 'the default for others';
	attribute('bert', 'signature.outgoing.text', '<blank>');
	$p->set('signature.outgoing.users' => 'GLOBAL');
	is body((both($PLAIN, login => 'bert', to => ['kate@remote.test']))[0]), "hello\n", 'a user may want none';
	attribute('bert', 'signature.outgoing.text', '');
};

subtest '06-8.3 attributes of the address book' => sub {
	attribute('bert', 'directory', "cn: Bert Example\ntitle: R&D");
	$p->set('signature.outgoing.users' => '[cn] [title][nothing] [x y] [uid]');
	is body((both($PLAIN, login => 'bert', to => ['kate@remote.test']))[0]), "hello\n\nBert Example R&D [x y] bert\n", 'filled in';
	$p->set('signature.outgoing.default' => '[cn]');
	is body((both($PLAIN, to => ['kate@remote.test']))[0]), "hello\n\n[cn]\n", 'literal in the default';
	$p->set('signature.outgoing.default' => "-- \nDEFAULT OUT");
};

subtest '06-8.1, 02-12.3 an HTML signature under plain text' => sub {
	$p->set('signature.outgoing.users' => '', 'signature.outgoing.users-html' => '<p>Ann &amp; <b>Co</b></p>');
	my ($outside) = both($PLAIN, login => 'bert', to => ['kate@remote.test']);
	is body($outside), "hello\n\nAnn & Co\n", 'without tags';
	like $outside, qr/^Content-Type: text\/plain; charset=us-ascii$/m, 'the type is as it was';
	attribute('anna', 'signature.outgoing.text', '');
	attribute('anna', 'signature.outgoing.html', '<i>personal</i>');
	($outside) = both($PLAIN, login => 'anna', to => ['kate@remote.test']);
	is body($outside), "hello\n\npersonal\n", '02-12.3 a personal one, too';
	like $outside, qr/^Content-Type: text\/plain; charset=us-ascii$/m, 'the type is as it was';
};

my $ALTERNATIVE = <<'EOF';
Subject: x
MIME-Version: 1.0
Content-Type: multipart/alternative; boundary="b"

--b
Content-Type: text/plain; charset=utf-8
Content-Transfer-Encoding: base64

aGVsbG8gw7YK
--b
Content-Type: text/html; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

<html><body>hello =F6</body></html>
--b--
EOF

subtest '06-8.2, 02-12.4 each part of a multipart/alternative gets its form' => sub {
	$p->set('signature.outgoing.users' => 'Jörg', 'signature.outgoing.users-html' => '<b>Jörg</b>');
	my ($outside) = both($ALTERNATIVE, login => 'bert', to => ['kate@remote.test']);
	my (undef, $plain, $html) = split /^--b\n/m, $outside;
	like decode_base64(body($plain)), qr/\Ahello \xc3\xb6\s+J\xc3\xb6rg\s*\z/, '06-8.7 plain text in base64 and UTF-8';
	like decode_qp(body($html)), qr/\A<html><body>hello \xf6<br>\s*<b>J&#246;rg<\/b>\s*<\/body><\/html>/, 'HTML before </body>, quoted-printable';
	like $html, qr/^Content-Type: text\/html; charset=iso-8859-1$/m, 'its charset is as it was';
	$p->set('signature.outgoing.users-html' => '');
};

subtest '06-8.7 bodies stay decodable' => sub {
	my ($outside) = both("Subject: x\nMIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\n"
		. "Content-Transfer-Encoding: quoted-printable\n\nsoft=\n line =C3=BC\n", login => 'bert', to => ['kate@remote.test']);
	like body($outside), qr/\Asoft=\n line =C3=BC\n/, 'what was there is as it was';
	is decode_qp(body($outside)), "soft line \xc3\xbc\n\nJ\xc3\xb6rg\n", 'quoted-printable';
	($outside) = both($PLAIN, login => 'bert', to => ['kate@remote.test']);
	like $outside, qr/^Content-Type: text\/plain; charset=utf-8$/m, 'a charset that has the letters';
	like $outside, qr/^Content-Transfer-Encoding: quoted-printable$/m, 'and an encoding';
	is decode_qp(body($outside)), "hello\n\nJ\xc3\xb6rg\n", 'the text';
};

subtest '06-8.7, 02-12.4 signed and encrypted mail is left as it is' => sub {
	for my $type ('multipart/signed; protocol="application/pgp-signature"; micalg=pgp-sha256', 'multipart/encrypted; protocol="application/pgp-encrypted"') {
		my $text = "Subject: x\nMIME-Version: 1.0\nContent-Type: $type; boundary=\"b\"\n\n--b\nContent-Type: text/plain\n\nhello  \n--b\n"
			. "Content-Type: application/pgp-signature\n\nabc\n--b--\n";
		my ($outside, $inside) = both($text, login => 'bert');
		is body($_), body($text), $type for $outside, $inside;
	}
	my $text = "Subject: x\nDKIM-Signature: v=1; d=x.test\n\nhello\n";
	is body((both($text, login => 'bert', to => ['kate@remote.test']))[0]), "hello\n", 'signed by others with DKIM';
};

subtest '02-12.2 no signature at all' => sub {
	write_file("$scripts/signature.lua", 'function GetSignature() print("called") return "SCRIPT" end');
	attribute('bert', 'signature.outgoing.off', 'on');
	is body((both($PLAIN, login => 'bert', to => ['kate@remote.test']))[0]), "hello\n", 'off';
	attribute('bert', 'signature.outgoing.off', 'off');
	is body((both($PLAIN, login => 'bert', to => ['kate@remote.test']))[0]), "hello\n\nSCRIPT\n", 'the script alone';
	$p->wait_for(sub { () = (read_file($p->dir . '/log/luaerrors.log') // '') =~ /called/g }, 'its call is in the log');
	is scalar(() = read_file($p->dir . '/log/luaerrors.log') =~ /called/g), 1, 'the first one is not';
};

subtest '09-5.2 GetSignature and GetInternalSignature' => sub {
	my $script = sub { write_file("$scripts/signature.lua.new", $_[0]); rename "$scripts/signature.lua.new", "$scripts/signature.lua" };
	$script->('function GetSignature(format, user, sender, subject, ldap) return "-- " .. format .. user .. sender .. subject .. ldap.CN end '
		. 'function GetInternalSignature() return "internal" end');
	my ($outside, $inside) = both($PLAIN, login => 'bert');
	is body($outside), "hello\n\n-- PLAINbertanna\@${domain}xBert Example\n", 'at the end, with what it was told';
	is body($inside), "hello\n\ninternal\n", 'inside the other function alone';
	$script->('function GetSignature() return "" end');
	$p->set('signature.outgoing.users' => 'GLOBAL');
	is body((both($PLAIN, login => 'bert', to => ['kate@remote.test']))[0]), "hello\n\nGLOBAL\n", 'nothing: the global one';
	$script->('function GetSignature() return "<blank>" end');
	is body((both($PLAIN, login => 'bert', to => ['kate@remote.test']))[0]), "hello\n", '<blank>: none';
	$script->('function GetSignature(f, u, s, j, ldap) return ldap == nil and "nobody" or "x <globalsig>" end');
	is body((both($PLAIN, login => 'bert', to => ['kate@remote.test']))[0]), "hello\n\nx GLOBAL\n", 'tags in it';
	is body((both($PLAIN, to => ['kate@remote.test']))[0]), "hello\n\nnobody\n", 'no table without a login';
	$script->('function GetSignature() error("broken") end');
	is body((both($PLAIN, login => 'bert', to => ['kate@remote.test']))[0]), "hello\n\nGLOBAL\n", 'one that fails: as if it were not there';
	$p->script('signature');
};

subtest 'a script alone, without any text in the settings' => sub {
	$p->set(map { ("signature.$_" => '') } qw(outgoing.default outgoing.users outgoing.users-html internal.default));
	attribute('anna', "signature.$_", '') for qw(outgoing.text outgoing.html internal.text);
	is body((both($PLAIN, to => ['kate@remote.test']))[0]), "hello\n", 'nothing is set';
	write_file("$scripts/signature.lua", 'function GetSignature() return "SCRIPT" end');
	is body((both($PLAIN, to => ['kate@remote.test']))[0]), "hello\n\nSCRIPT\n", 'used for the next message';
	$p->script('signature');
};

$p->set('signature.outgoing.default' => 'DEFAULT OUT');

subtest 'while filterd is away mail waits' => sub {
	kill 'STOP', $p->main_pid('filterd');
	my $smtp = $p->smtp(local => '127.0.0.9');
	like $smtp->send_message("anna\@$domain", ['kate@remote.test'], $PLAIN), qr/\A250/, 'taken';
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	$p->wait_for(sub { -e $p->dir . "/spool/active/$id" }, 'it waits while filterd sleeps');
	$p->kill_daemon('filterd', 'KILL');
	my @messages = $remote->wait_messages(++$sent, 60);
	is body($messages[-1]{data} =~ s/\r\n/\n/gr), "hello\n\nDEFAULT OUT\n", 'and leaves with its signature';
};

subtest 'what cannot be worked on goes on as it is, the third time' => sub {
	plan(skip_all => 'needs prlimit') if !find_program('prlimit');
	my $limit = sub { my @result = run_program({ $> == 0 ? (user => 'postroom-filter') : () }, 'prlimit', '--pid', $p->main_pid('filterd'), "--fsize=$_[0]"); die "prlimit: @result" if $result[0] };
	$limit->('1:unlimited'); # writing a longer file kills
	my ($outside) = both($PLAIN, to => ['kate@remote.test']);
	$limit->('unlimited');
	is body($outside), "hello\n", 'without a signature';
	like $p->log, qr/goes on as it is, without changes: the process for it died, 3 times/, 'which the log says';
};

$p->stop;
done_testing;
