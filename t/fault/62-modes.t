#!/usr/bin/perl
# Who owns what, and who can read and write it: asked of the files as they lie there after a day's work, and, as root, of
# each daemon's user by looking with its eyes.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Need qw(find_program);
use Postroom::Process qw(read_file run_program wait_until);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, mappings => [['away' => 'friend@remote.test']],
	set => { 'sender.retry' => 600 });
my $dir = $p->dir;
my $separate = $> == 0;

# Something of every kind: secrets, delivered mail, waiting mail, mail set aside, an import, a second start.
$p->postroom_ok({ stdin => "relay-secret\n" },
	qw(sender set default --method relay --servers 127.0.0.1:1 --encryption none --user us --password-stdin));
like $p->smtp->send_message('a@example.test', ["$_\@example.test"], "Subject: x\n\nx\n"), qr/\A250/, "mail for $_" for qw(anna away);
wait_until(sub { my @waiting = glob "$dir/spool/active/*"; my @mail = glob "$dir/state/mail/*/*/msg/*/*/*"; @waiting && @mail },
	'one is delivered, one waits');
{
	my $pop3 = $p->pop3;
	like $pop3->login('anna', 'anna-secret'), qr/\A\+OK 1 /, 'one is read';
	$pop3->quit;
}
$p->postroom_ok(qw(dkim add example.test key1 --type ed25519));
is_deeply [$p->stop_running], [], 'stopped';
$p->postroom_ok('repair');
$p->run;

sub tree {
	my ($status, $out, $err) = run_program('find', $dir, '-printf', '%y %m %u %g %P\n');
	is $status, 0, 'the tree is listed' or diag $err;
	return map { my ($type, $mode, $user, $group, $path) = split / /, $_, 5;
		{ type => $type, mode => oct $mode, user => $user, group => $group, path => $path // '' } } split /\n/, $out;
}

my $FOR_ALL = qr{\A(?:etc/postroom\.conf|etc/tls/cert\.pem|run/status|state/policy/known)\z}; # what anybody may read
my $FOR_PROGRAMS = qr{\Arun/smtpd/local\.sock\z};                          # what sendmail connects to

subtest 'nobody else' => sub {
	my @tree = tree();
	ok @tree > 50, 'there is something to look at';
	my @writable = grep { $_->{mode} & 02 && $_->{path} !~ $FOR_PROGRAMS } @tree;
	is_deeply [map { $_->{path} } @writable], [], 'nothing is writable for all';
	my %closed = map { $_->{path} => 1 } grep { $_->{type} eq 'd' && !($_->{mode} & 01) } @tree;
	my $is_hidden = sub {
		my ($path) = @_;
		while ($path =~ s{/[^/]*\z}{}) { return 1 if $closed{$path} }
		return 0;
	};
	my @readable = grep { $_->{type} eq 'f' && $_->{mode} & 04 && $_->{path} !~ $FOR_ALL && !$is_hidden->($_->{path}) } @tree;
	is_deeply [map { $_->{path} } @readable], [], 'nothing but what is public is readable for all';
	my @executable = grep { $_->{type} eq 'f' && $_->{mode} & 0111 } @tree;
	is_deeply [map { $_->{path} } @executable], [], 'no file can be executed';
	my @special = grep { $_->{mode} & 06000 && !($_->{type} eq 'd' && ($_->{mode} & 06000) == 02000) } @tree;
	is_deeply [map { $_->{path} } @special], [], 'none is setuid';
	my @others = grep { $_->{type} !~ /\A[dfs]\z/ } @tree;
	is_deeply [map { $_->{path} } @others], [], 'there are files, folders and sockets only';
	my @shared = grep { $_->{mode} & 020 && $_->{path} !~ m{\A(?:etc/scripts|spool/(?:smtpd|noticed|deliver|queue-manager|filterd|reporter|listd|collector)(?:/(?:new|tmp))?)\z} } grep { $_->{type} ne 's' } @tree;
	is_deeply [map { $_->{path} } @shared], [], 'only drops, and where scripts are taken over, are writable for a group';
};

# What the user of each program may read and write, below the instance; sockets are "written".
my %USERS = (
	'postroom-config'  => { read => 'state/(?:config|settings)/', write => 'etc/scripts\z|state/(?:config|settings)(?:/|\z)|run/(?:authd|statusd|noticed|deliver|smtpd|pop3-login|imap-login|webadmin)/configd' },
	'postroom-auth'    => { read => 'state/(?:auth|settings)/|etc/keys/(?:relay-authd|secrets)\.key\z', write => 'state/auth(?:/|\z)' },
	'postroom-dns'     => { read => 'state/settings/', write => '' },
	'postroom-resolve' => { read => 'state/settings/', write => 'run/lfwd/resolver' },
	'postroom-mail'    => { read => 'state/(?:mail|settings)/|spool/deliver/', write => '(?:state/mail|spool/deliver)(?:/|\z)|run/(?:authd|statusd|historyd|imapd|noticed|filterd)/(?:pop3d|imapd|deliver)' },
	'postroom-lan'     => { read => 'state/(?:lan|settings)/', write => 'state/lan(?:/|\z)|run/(?:authd|dnsd)/lfwd' },
	'postroom-send'    => { read => 'state/settings/', write => 'run/(?:authd|dnsd|fetchd|filterd|policyd|statusd|historyd)/sender' },
	'postroom-fetch'   => { read => 'state/(?:fetch|settings)/', write => 'state/fetch(?:/|\z)|run/(?:authd|dnsd|noticed)/fetchd' },
	'postroom-sign'    => { read => 'etc/dkim/|state/settings/', write => '' },
	'postroom-notice'  => { read => 'state/(?:notices|settings)/|spool/noticed/', write => '(?:state/notices|spool/noticed)(?:/|\z)|run/statusd/noticed' },
	'postroom-list'    => { read => 'state/(?:lists|settings)/|spool/listd/', write => '(?:state/lists|spool/listd)(?:/|\z)|run/(?:configd|authd|noticed|collector)/listd' },
	'postroom-policy'  => { read => 'state/(?:policy|settings)/|log/policy/', write => 'state/policy(?:/|\z)|log/policy(?:/|\z)|run/statusd/policyd' },
	'postroom-minger'  => { read => 'state/settings/', write => 'run/(?:resolver|statusd)/mingerd' },
	'postroom-schedule' => { read => 'state/settings/|state/schedule/', write => 'state/schedule(?:/|\z)|run/(?:queue-manager|collector|statusd|historyd|noticed)/scheduler' },
	'postroom-broker'  => { read => 'state/settings/', write => 'run/(?:configd|authd|historyd|statusd|policyd|noticed|dnsd|resolver|deliver|listd|collector|reporter|queue-manager|scheduler|smtpd|pop3d|pop3-login|imapd|imap-login|webadmin)/brokerd' },
	'postroom-report'  => { read => 'state/settings/|spool/reporter/', write => 'spool/reporter(?:/|\z)|run/(?:policyd|dnsd|fetchd|statusd)/reporter' },
	'postroom-collect' => { read => 'state/(?:collect|settings)/|spool/collector/', write => '(?:state/collect|spool/collector)(?:/|\z)|run/(?:authd|resolver|dnsd|statusd|historyd|noticed|smtpd|filterd)/collector' },
	'postroom-filter'  => { read => 'state/settings/|spool/filterd/', write => 'spool/filterd(?:/|\z)|run/(?:statusd|noticed)/filterd' },
	'postroom-smtp'    => {
		read  => 'state/settings/|spool/smtpd/|etc/keys/relay-smtpd\.key\z|etc/tls/key\.pem\z',
		write => 'spool/smtpd(?:/|\z)|run/(?:authd|resolver|dnsd|statusd|historyd|policyd|queue-manager|deliver)/smtpd',
	},
	'postroom-login'   => { read => 'state/settings/|etc/tls/key\.pem\z', write => 'run/(?:authd|statusd|historyd|policyd|pop3d|imapd)/(?:pop3|imap)-login' },
	'postroom-web'     => { read => 'state/settings/|etc/tls/key\.pem\z', write => 'state/web(?:/|\z)|run/(?:authd|brokerd|imapd|smtpd|statusd|historyd|policyd)/webadmin' },
	'postroom-queue'   => {
		read  => 'state/(?:queue|settings)/|spool/|etc/keys/relay-(?:authd|smtpd)\.key\z',
		write => 'state/queue(?:/|\z)|spool(?:/|\z)|run/(?:deliver|resolver|signer|sender|lfwd|filterd|listd|noticed|scheduler|historyd)/queue-manager',
	},
	'postroom-status'  => {
		read  => 'state/(?:history|settings)/|log/(?:old|summaries)/|log/postroom\.log\z|log/(?:luaerrors|smtprules|dlrules|extrouter|security|connect|summary|mail|\w+svr|\w+clt)\.(?:log|lbk)\z|log/maillog\.\w{3}\z',
		write => 'state/history(?:/|\z)|log/(?:old|summaries)(?:/|\z)|log/(?:luaerrors|smtprules|dlrules|extrouter|security|connect|summary|mail|\w+svr|\w+clt)\.(?:log|lbk)\z|log/maillog\.\w{3}\z|run/(?:historyd|policyd|authd)/statusd',
	},
	'nobody'           => { read => undef, write => undef },
);

sub seen_by {
	my ($user, $test) = @_;
	my (undef, $out) = run_program('setpriv', "--reuid=$user", '--regid=' . (getpwnam $user)[3], '--init-groups', '--inh-caps=-all',
		'find', $dir, split(/ /, $test), '-printf', '%P\n');
	return split /\n/, $out;
}

subtest "with the eyes of each daemon's user" => sub {
	plan(skip_all => 'needs root, for the real users') if !$separate;
	plan(skip_all => 'needs setpriv') if !find_program('setpriv');
	for my $user (sort keys %USERS) {
		my ($read, $write) = map { defined $_ && $_ ne '' ? qr/\A(?:$_)/ : qr/(?!)/ } @{ $USERS{$user} }{qw(read write)};
		my @readable = seen_by($user, '-type f -readable');
		is_deeply [grep { $_ !~ $FOR_ALL && $_ !~ $read } @readable], [], "$user reads no file that is not its own";
		ok !defined $USERS{$user}{read} || (grep { $_ =~ $read } @readable), 'but its own';
		my $notify = $user eq 'nobody' ? qr/(?!)/ : qr{\Arun/notify\.sock\z};
		my @writable = grep { $_ !~ $FOR_PROGRAMS && $_ !~ $notify && $_ !~ $write } seen_by($user, '-writable');
		is_deeply \@writable, [], 'and writes none, makes and removes none, asks nobody else';
	}
};

sub status_of {
	my ($pid) = @_;
	return { (read_file("/proc/$pid/status") // '') =~ /^(\w+):\s*(.*)$/mg };
}

subtest 'every process runs as its user, with no more' => sub {
	my $pop3 = $p->pop3;
	$pop3->login('anna', 'anna-secret');
	my $imap = $p->imap;
	$imap->login('anna', 'anna-secret');
	my @clients = ($p->smtp, $p->pop3, $pop3, $p->imap, $imap);
	my %user_of = (configd => 'config', authd => 'auth', dnsd => 'dns', resolver => 'resolve', deliver => 'mail', pop3d => 'mail',
		statusd => 'status', policyd => 'policy', filterd => 'filter', reporter => 'report', brokerd => 'broker', fetchd => 'fetch', scheduler => 'schedule', mingerd => 'minger', listd => 'list', collector => 'collect', noticed => 'notice', historyd => 'status', 'log-writer' => 'status',
		signer => 'sign', sender => 'send', lfwd => 'lan', smtpd => 'smtp', 'pop3-login' => 'login', imapd => 'mail', 'imap-login' => 'login', webadmin => 'web', 'queue-manager' => 'queue');
	my $processes = $p->processes;
	for my $pid (sort { $a <=> $b } keys %$processes) {
		my ($program, $parent) = @{ $processes->{$pid} };
		next if $pid == $p->{pid};
		my $status = status_of($pid);
		my $name = "$program" . ($parent == $p->{pid} ? '' : ', a session');
		my ($uid) = $separate ? (getpwnam "postroom-$user_of{$program}")[2] : $>;
		is $status->{Uid}, join("\t", ($uid) x 4), "$name: its user";
		# A listener may bind low ports (CAP_NET_BIND_SERVICE); its sessions may not.
		my $right = $separate && $parent == $p->{pid} && $program =~ /\A(?:smtpd|pop3-login|imap-login|webadmin)\z/ ? 1 << 10 : 0;
		is_deeply [map { hex $status->{$_} } qw(CapEff CapPrm CapInh CapAmb)], [($right) x 4], "$name: its capabilities";
		next if !$separate;
		my @groups = map { scalar getgrgid $_ } split ' ', $status->{Groups};
		my @wanted = ("postroom-$user_of{$program}", 'postroom', $program =~ /\A(?:smtpd|pop3-login|imap-login|webadmin)\z/ ? 'postroom-tls' : ());
		is_deeply [sort @groups], [sort @wanted], "$name: its groups";
	}
	is scalar(grep { status_of($_)->{Seccomp} != 2 || status_of($_)->{NoNewPrivs} != 1 } grep { $_ != $p->{pid} } keys %$processes), 0,
		'each is confined';
	$_->close for @clients;
};

$p->stop;
done_testing;
