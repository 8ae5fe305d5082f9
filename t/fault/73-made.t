#!/usr/bin/perl
# Mail that a daemon makes out of a message leaves its drop when the step that made it is settled, and not before: so it
# is neither lost nor sent twice, wherever a crash comes in between. The drop is that of deliver; its entries are made
# here, as deliver's user, at each of these moments.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file run_program);
use Postroom::SmtpServer;
use Postroom::Test;
use Test::More;
use Time::HiRes qw(time);

my $p = Postroom::Test->start(users => { anna => 'anna-secret', bert => 'bert-secret' }, set => { 'sender.retry' => 600 });
my $spool = $p->dir . '/spool';
my $remote = Postroom::SmtpServer->start(replies => { RCPT => sub { $_[1] =~ /slow\@/ ? '451 4.2.1 later' : '250 2.1.5 ok' } });
$p->postroom_ok(qw(sender set default --method relay --encryption none --servers), $remote->address);
my %uid = map { $_->{name} => $_->{uid} } @{ $p->postroom_json('user', 'list') };

my $count = 0;

sub new_id {
	return sprintf '%013x-deliver-%08x', time * 1_000_000, ++$count;
}

# What deliver's user does when it makes a message: it stands in the drop under its id, whole.
sub make {
	my (%keys) = @_;
	my $id = delete $keys{id} // new_id();
	my %all = (id => $id, producer => 'deliver', time => int(time * 1_000_000), service => 'forward', %keys);
	my $to = delete $all{to};
	my $text = join('', map { "$_: $all{$_}\n" } sort keys %all) . "to: <$to>\n\nSubject: made $id\r\n\r\nmade\r\n";
	my ($status, undef, $err) = run_program({ stdin => $text, ($> == 0 ? (user => 'postroom-mail') : ()) },
		'sh', '-c', 'umask 027; cd "$1" && cat >tmp/made && mv tmp/made "new/$2"', 'sh', "$spool/deliver", $id);
	is $status, 0, 'deliver\'s user makes it' or diag $err;
	return $id;
}

sub arrived {
	my ($id) = @_;
	return scalar grep { $_->{data} =~ /^Subject: made \Q$id\E\r?$/m } $remote->messages;
}

# A whole look at the drops has been taken since: what came after the entry is gone through.
sub looked {
	my $later = make(to => 'later@remote.test');
	$p->wait_for(sub { arrived($later) }, 'the drop is read', 20);
	return;
}

sub waits {
	my ($id, $what) = @_;
	looked();
	ok -e "$spool/deliver/new/$id", "it waits: $what";
	is arrived($id), 0, 'nobody has it';
	return;
}

sub goes {
	my ($id, $what) = @_;
	$p->wait_for(sub { arrived($id) }, "it goes: $what", 20);
	$p->wait_for(sub { !-e "$spool/active/$id" && !-e "$spool/deliver/new/$id" }, 'and leaves nothing behind', 20);
	is arrived($id), 1, 'once';
	return;
}

sub restart_queue_manager {
	$p->kill_daemon('queue-manager', 'KILL');
	$p->wait_for(sub { ($p->postroom('queue', 'count'))[0] == 0 }, 'the queue-manager is back', 20);
	return;
}

sub submit {
	my (@to) = @_;
	my $smtp = $p->smtp;
	like $smtp->send_message("anna\@example.test", [@to], "Subject: original\n\nbody\n"), qr/\A250/, 'taken';
	my ($id) = $smtp->last =~ /queued as (\S+)/;
	return $id;
}

subtest 'what nobody can make again goes at once, without a token' => sub {
	goes(make(to => 'friend@remote.test'), 'it was made out of nothing');
	goes(make(to => 'friend@remote.test', parent => '0123456789abc-smtpd-01234567/forward/7'), 'its parent is gone');
	goes(make(to => 'friend@remote.test', parent => 'nonsense'), 'its parent is none');
};

subtest 'a message without a row' => sub {
	kill 'STOP', $p->main_pid('deliver');
	my $parent = submit('anna@example.test');
	$p->wait_for(sub { -e "$spool/active/$parent" }, 'it is being delivered', 20);
	my $made = make(to => 'friend@remote.test', parent => "$parent/forward/$uid{anna}");
	waits($made, 'deliver has not answered');
	restart_queue_manager();
	waits($made, 'nor after a crash of the queue-manager');
	kill 'CONT', $p->main_pid('deliver');
	goes($made, 'the message is delivered');
	ok !-e "$spool/active/$parent", 'and gone';
};

subtest 'a message with rows' => sub {
	kill 'STOP', $p->main_pid('deliver');
	my $parent = submit('anna@example.test', 'slow@remote.test');
	$p->wait_log(qr/id=\Q$parent\E deferred.* to=<slow\@/);
	my $made = make(to => 'friend@remote.test', parent => "$parent/forward/$uid{anna}/2");
	my $other = make(to => 'friend@remote.test', parent => "$parent/forward/$uid{bert}");
	goes($other, 'another user cannot make it any more');
	waits($made, 'anna has not got it yet');
	restart_queue_manager();
	waits($made, 'nor after a crash of the queue-manager');
	kill 'CONT', $p->main_pid('deliver');
	goes($made, 'anna has it; that others wait does not matter');
	ok -e "$spool/active/$parent", 'it still waits';
	$p->postroom_ok('queue', 'delete', $parent);
};

subtest 'made again' => sub {
	my $id = make(to => 'slow@remote.test', parent => '0123456789abc-smtpd-01234567/forward/7');
	$p->wait_log(qr/id=\Q$id\E deferred/);
	make(id => $id, to => 'slow@remote.test', parent => '0123456789abc-smtpd-01234567/forward/7');
	$p->wait_log(qr/id=\Q$id\E is in the queue already/);
	ok !-e "$spool/deliver/new/$id", 'the second one is gone';
	is_deeply [glob "$spool/corrupt/*"], [], 'without a mark against anybody';
	ok -e "$spool/active/$id", 'the first one waits for its attempt';
	$p->postroom_ok('queue', 'delete', $id);
};

subtest 'a deleted parent' => sub {
	kill 'STOP', $p->main_pid('deliver');
	my $parent = submit('anna@example.test', 'slow@remote.test');
	$p->wait_log(qr/id=\Q$parent\E deferred.* to=<slow\@/);
	my @made = map { make(to => 'friend@remote.test', parent => "$parent/forward/$uid{anna}/$_") } 1 .. 70;
	waits($made[-1], 'anna has not got it yet');
	$p->postroom_ok('queue', 'delete', $parent);
	kill 'CONT', $p->main_pid('deliver');
	$p->wait_for(sub { !grep { !arrived($_) } @made }, 'all go with their parent gone', 20);
};

$p->stop;
done_testing;
