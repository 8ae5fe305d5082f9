#!/usr/bin/perl
# Collecting real mail from real servers: Dovecot, a second Postroom under TLS, and Courier, whose packages scripts/courier
# unpacks (Debian's courier-pop cannot be installed beside Dovecot's). Every message arrives once, octet for octet. POSTROOM_ALL=1 takes all messages instead of each twentieth.
use strict;
use warnings;
use lib 't/lib';
use Cwd qw(getcwd);
use File::Temp;
use IO::Socket::INET;
use POSIX ();
use Postroom::Collectors qw(run_collector);
use Postroom::Corpus qw(corpus_messages send_all fetch_all without_trace);
use Postroom::Need qw(need_corpus need_program);
use Postroom::Peer;
use Postroom::Ports;
use Postroom::Process qw(write_file stop_process);
use Postroom::Test;
use Test::More;

need_program('dovecot');
my $messages = corpus_messages(need_corpus(), every => $ENV{POSTROOM_ALL} ? 1 : 20);
my $count = keys %$messages;
my %users = map { $_ => "$_-secret" } qw(dovecot pipelining postroom courier);
my $p = Postroom::Test->start(users => \%users, set => { 'collect.max-hops' => 100 });

sub collector {
	my ($name, $password, %settings) = @_;
	$p->postroom_ok({ stdin => "$password\n" }, 'collector', 'add', $name, '--password-stdin', 'pop3.server' => '127.0.0.1',
		'pop3.username' => 'office', 'route' => 'user', 'target' => $name, %settings);
	return;
}

# A message as the collector stores it: NUL becomes a blank (collect.nul).
sub as_stored { return $_[0] =~ tr/\0/ /r }

# What a user got, without what was put on top when it was delivered, so many times, is what there was.
sub has_all {
	my ($user, $deliveries) = @_;
	$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/*/new/*') }, 'the queue is empty', 60);
	my $pop3 = $p->pop3;
	$pop3->login($user, "$user-secret");
	my (%got, $traceless);
	for my $text (fetch_all($pop3)) {
		my $rest = $text;
		(undef, $rest) = without_trace($rest, 1) for 1 .. $deliveries;
		defined $rest ? $got{$rest}++ : $traceless++;
	}
	$pop3->quit;
	my %wanted;
	$wanted{ as_stored($_) }++ for values %$messages;
	ok !$traceless, 'each has the fields that tell its way';
	is scalar(grep { !$got{$_} } keys %wanted), 0, 'every message came, octet for octet';
	is scalar(grep { $got{$_} != ($wanted{$_} // 0) } keys %got), 0, 'and no other, and each as often as it was there';
	return;
}

sub fill_maildir {
	my ($maildir) = @_;
	mkdir $_ or die "cannot make $_: $!\n" for $maildir, map { "$maildir/$_" } qw(cur new tmp);
	my $number = 1_000_000;
	for my $name (sort keys %$messages) {
		write_file("$maildir/new/" . $number++ . '.M1P1.test', $messages->{$name} =~ s/\r\n/\n/gr);
	}
	return;
}

subtest "$count messages from Dovecot" => sub {
	my $folder = File::Temp->newdir('postroom-maildir-XXXXXX', DIR => $Postroom::Process::SCRATCH);
	chmod 0755, $folder;
	fill_maildir("$folder/Maildir");
	system('chown', '-R', 'nobody:', "$folder/Maildir");
	my $port = Postroom::Ports::port();
	my $server = Postroom::Peer->dovecot(user => 'office', password => 'box-secret', port => $port, maildir => "$folder/Maildir");
	collector('dovecot', 'box-secret', 'pop3.port' => $port, 'leave-days' => 5, 'pop3.authentication' => 'automatic');
	is run_collector($p, 'dovecot'), "Connection successful, $count messages", 'collected, and left there';
	has_all('dovecot', 1);
	is run_collector($p, 'dovecot'), 'Connection successful, no messages', 'a second run knows all of them';
	collector('pipelining', 'box-secret', 'pop3.port' => $port);
	is run_collector($p, 'pipelining'), "Connection successful, $count messages", 'a second collector has an account of its own';
	is scalar(() = glob "$folder/Maildir/*/*.test*"), 0, 'and deletes them there';
	has_all('pipelining', 1);
	$server->stop;
};

subtest "$count messages from a second Postroom" => sub {
	my $other = Postroom::Test->start(domain => 'other.test', host_name => 'mail.other.test', bind => '127.0.0.6',
		users => { office => 'box-secret' }, set => { 'smtp.max-hops' => 100 });
	my $ids = send_all($messages, 4, sub { $other->smtp }, 'x@far.test', 'office@other.test');
	is scalar(grep { / / } values %$ids), 0, 'it has them';
	$other->wait_for(sub { !@{ $other->queue } && !glob($other->dir . '/spool/*/new/*') }, 'the queue is empty', 60);
	collector('postroom', 'box-secret', 'pop3.server' => '127.0.0.6', 'pop3.port' => $other->port('pop3s'),
		'pop3.encryption' => 'tls', 'pop3.verify' => 'off', 'pop3.authentication' => 'automatic');
	is run_collector($p, 'postroom'), "Connection successful, $count messages", 'collected under TLS, logged in by SCRAM';
	like $other->log, qr/login: user=office .*mechanism=SCRAM/, 'which the other side says, too';
	has_all('postroom', 2);
	$other->stop;
};

# Courier's server behind the simplest of logins, which is not part of it.
sub courier {
	my ($root, $maildir) = @_;
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die "cannot listen: $@\n";
	my $pid = fork // die "cannot fork: $!\n";
	return ($listener->sockport, $pid) if $pid;
	local $SIG{CHLD} = 'IGNORE';
	while (my $socket = $listener->accept) {
		next if fork;
		syswrite $socket, "+OK ready\r\n";
		my ($said, $octet) = ('');
		while (sysread $socket, $octet, 1) { # not one more: the rest is Courier's
			$said .= $octet;
			next if $octet ne "\n";
			last if $said =~ /\APASS box-secret/;
			syswrite $socket, $said =~ /\AUSER/ ? "+OK\r\n" : "-ERR\r\n";
			$said = '';
		}
		open STDIN, '<&', $socket or POSIX::_exit(1);
		open STDOUT, '>&', $socket or POSIX::_exit(1);
		@ENV{qw(AUTHENTICATED MAILDIR HOME LD_LIBRARY_PATH)} =
			('office', $maildir, $maildir, "$root/usr/lib:$root/usr/lib/x86_64-linux-gnu");
		exec "$root/usr/lib/courier/courier/courierpop3d", $maildir or POSIX::_exit(1);
	}
	POSIX::_exit(0);
}

subtest "$count messages from Courier" => sub {
	my $root = ($ENV{POSTROOM_BUILD} // 'build') . '/courier';
	$root = getcwd() . "/$root" if $root !~ m{\A/};
	plan skip_all => 'the packages of Courier cannot be downloaded' if system('scripts/courier', $root) != 0;
	my $folder = File::Temp->newdir('postroom-maildir-XXXXXX', DIR => $Postroom::Process::SCRATCH);
	fill_maildir("$folder/Maildir");
	my ($port, $pid) = courier($root, "$folder/Maildir");
	collector('courier', 'box-secret', 'pop3.port' => $port);
	is run_collector($p, 'courier'), "Connection successful, $count messages", 'collected';
	$p->wait_for(sub { 0 == scalar(() = glob "$folder/Maildir/*/*.test*") }, 'they are deleted there', 20); # it does that after its +OK
	has_all('courier', 1);
	stop_process($pid, 'TERM', 5);
};

$p->stop;
done_testing;
