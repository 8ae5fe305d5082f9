#!/usr/bin/perl
# The units of systemd: well-formed, in agreement with the list of programs, and the listeners take the sockets of systemd.
use strict;
use warnings;
use lib 't/lib';
use File::Basename qw(basename);
use File::Temp qw(tempdir);
use IO::Select;
use IO::Socket::UNIX;
use Postroom::Need qw(find_program);
use Postroom::Pop3;
use Postroom::Ports;
use Postroom::Process qw(run_program spawn_program stop_process read_file write_file);
use Postroom::Smtp;
use Postroom::Test;
use Socket qw(SOCK_DGRAM);
use Test::More;

my $folder = Postroom::Test::build_folder() . '/systemd';
make('units', 'PREFIX=@PREFIX@');

sub make {
	my (@arguments) = @_;
	local $ENV{SAN} = 1 if Postroom::Test::build_folder() =~ /san/;
	delete local @ENV{qw(MAKEFLAGS MAKELEVEL)};
	my ($status, $out, $err) = run_program({ timeout => 300 }, 'make', 'BUILD=' . Postroom::Test::build_folder(), @arguments);
	die "make @arguments: $out$err" if $status != 0;
	return;
}

# The settings of a unit, each key with all its values.
sub unit {
	my ($name) = @_;
	my $text = read_file("$folder/$name") // return;
	$text =~ s/\\\n//g;
	my %unit;
	push @{ $unit{$1} }, split ' ', $2 while $text =~ /^(\w+)=(.*)$/mg;
	return \%unit;
}

sub value {
	my ($unit, $key) = @_;
	return join ' ', @{ $unit->{$key} // [] };
}

# The list of programs as the daemons have it.
my $list = read_file('common/daemon/programs.c');
my %programs;
while ($list =~ /^\s+\{"([\w-]+)", "([\w-]+)",\s+CALLERS\(([^)]*)\),\s+(?:NULL|"[\w-]+"),\s+(true|false),\s+(?:NULL|"([\w-]+)")\}/mg) {
	my ($name, $user, $callers, $listens, $local) = ($1, $2, $3, $4, $5);
	$programs{$name} = { user => $user, callers => [$callers =~ /"([\w-]+)"/g], listens => $listens eq 'true', local => $local };
}

subtest 'each program has its service, each caller and each port its socket' => sub {
	is scalar(keys %programs), scalar(() = $list =~ /CALLERS\((?:"|NULL)/g), 'the programs';
	my %expected = ('postroom.target' => 1);
	for my $name (sort keys %programs) {
		my $service = unit("postroom-$name.service");
		my %sockets = map { ("postroom-$name-from-$_.socket" => 1) } @{ $programs{$name}{callers} };
		$sockets{"postroom-$programs{$name}{local}.socket"} = 1 if $programs{$name}{local};
		is value($service, 'User'), $programs{$name}{user}, "$name: its user";
		is value($service, 'ExecStart'), "\@PREFIX\@/libexec/postroom/$name", 'its program';
		is value($service, 'Type'), 'notify', 'it says itself when it is ready';
		is value($service, 'NoNewPrivileges'), 'yes', 'it gains no rights';
		my $right = $programs{$name}{listens} ? 'CAP_NET_BIND_SERVICE' : '';
		is value($service, $_), $right, "$_: only listeners have one" for qw(CapabilityBoundingSet AmbientCapabilities);
		is value($service, 'FileDescriptorStoreMax'), $right ? 128 : '', 'and have their sockets kept';
		is_deeply [sort @{ $service->{Sockets} }], [sort keys %sockets], 'its sockets';
		$expected{$_} = 1 for "postroom-$name.service", keys %sockets;
		for my $caller (@{ $programs{$name}{callers} }) {
			my $socket = unit("postroom-$name-from-$caller.socket");
			my $user = $programs{$caller} ? $programs{$caller}{user} : 'root';
			is_deeply [map { value($socket, $_) } qw(ListenSequentialPacket FileDescriptorName SocketUser SocketMode Service)],
				["/run/postroom/$name/$caller.sock", "from-$caller", $user, '0600', "postroom-$name.service"],
				"the socket for $caller alone";
		}
	}
	my ($local) = grep { $programs{$_}{local} } keys %programs;
	my $socket = unit("postroom-$programs{$local}{local}.socket");
	is_deeply [map { value($socket, $_) } qw(ListenStream FileDescriptorName Service)],
		["/run/postroom/$local/$programs{$local}{local}.sock", $programs{$local}{local}, "postroom-$local.service"],
		'the socket for programs of this machine';
	is_deeply [sort map { basename($_) } glob "$folder/*.{service,socket,target}"], [sort keys %expected], 'no unit more';
	delete $expected{'postroom.target'};
	is_deeply [sort @{ unit('postroom.target')->{Wants} }], [sort keys %expected], 'the target wants them all';
	my %folders = map { $_ => 1 } read_file("$folder/tmpfiles.conf") =~ m{^d /run/postroom/(\S+)}mg;
	is_deeply [sort keys %folders], [sort keys %programs], 'each has a folder for its sockets';
	my %users = map { $_ => 1 } read_file("$folder/sysusers.conf") =~ /^u (\S+)/mg;
	is_deeply [sort keys %users], [sort keys %{ { map { $_->{user} => 1 } values %programs } }], 'and each user is made';
};

# Units and programs as they are installed, for the tools of systemd.
sub installed {
	my $root = tempdir('postroom-test-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	make('install', "PREFIX=$root/usr");
	return $root;
}

subtest 'the tools of systemd find nothing wrong' => sub {
	for my $program (qw(systemd-analyze systemd-sysusers systemd-tmpfiles)) {
		plan skip_all => "needs the program $program" if !find_program($program);
	}
	my $root = installed();
	my @units = map { basename($_) } glob "$root/usr/lib/systemd/system/*";
	local $ENV{SYSTEMD_UNIT_PATH} = "$root/usr/lib/systemd/system:"; # and the system's own
	my ($status, $out, $err) = run_program('systemd-analyze', 'verify', '--man=no', @units);
	plan skip_all => 'systemd-analyze cannot work here' if $status != 0 && "$out$err" =~ /Failed to initialize manager/;
	is "$status$out$err", '0', 'systemd-analyze verify';
	return if $> != 0; # the other two want to be root
	mkdir "$root/etc";
	($status, $out, $err) = run_program('systemd-sysusers', "--root=$root", "$root/usr/lib/sysusers.d/postroom.conf");
	is $status, 0, 'systemd-sysusers' or diag "$out$err";
	my %users = map { $_->{user} => 1 } values %programs;
	is_deeply [sort { $a cmp $b } read_file("$root/etc/passwd") =~ /^(postroom-\w+):/mg], [sort keys %users], 'makes the users';
	like read_file("$root/etc/group"), qr/^postroom-tls:[^:]*:\d+:(?=.*\bpostroom-smtp\b)(?=.*\bpostroom-login\b)/m, 'and who reads keys of TLS';
	($status, $out, $err) = run_program('systemd-tmpfiles', "--root=$root", '--create', "$root/usr/lib/tmpfiles.d/postroom.conf");
	is $status, 0, 'systemd-tmpfiles' or diag "$out$err";
	ok -d "$root/run/postroom/smtpd", 'makes the folders';
};

# Start a listener as systemd does, beside an instance whose daemons it asks. Returns its pid and the notify socket.
sub activate {
	my ($p, $program, $user, @names) = @_;
	my %ports = map { $_ => Postroom::Ports::port() } @names;
	my $notify_path = $p->{folder} . "/notify-$program";
	my $notify = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $notify_path) or die "cannot bind $notify_path: $!\n";
	chmod 0666, $notify_path;
	my @become = $> == 0 ? ('setpriv', "--reuid=$user", "--regid=$user", '--init-groups') : ();
	my $pid = spawn_program({ stdout => "$p->{folder}/$program.log" }, @become, 'systemd-socket-activate',
		map({ ('-l', "127.0.0.1:$ports{$_}") } @names), '--fdname=' . join(':', @names), '-E', "NOTIFY_SOCKET=$notify_path",
		"$p->{folder}/programs/$program", '-C', $p->dir);
	for my $name (@names) {
		$p->wait_for(sub { (read_file("$p->{folder}/$program.log") // '') =~ /Listening on \S+:$ports{$name}\b/ }, 'it listens', 20);
	}
	return { pid => $pid, ports => \%ports, notify => $notify };
}

subtest 'the listeners work with the sockets of systemd' => sub {
	for my $program ('systemd-socket-activate', $> == 0 ? 'setpriv' : ()) {
		plan skip_all => "needs the program $program" if !find_program($program);
	}
	my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
	mkdir "$p->{folder}/programs"; # where the users can enter
	for my $program (qw(smtpd pop3-login)) {
		write_file("$p->{folder}/programs/$program", read_file(Postroom::Test::build_folder() . "/libexec/postroom/$program"));
		chmod 0755, "$p->{folder}/programs/$program";
	}
	my $smtpd = activate($p, 'smtpd', 'postroom-smtp', qw(smtp submission smtps));
	my $login = activate($p, 'pop3-login', 'postroom-login', qw(pop3 pop3s));

	my $smtp = Postroom::Smtp->connect(port => $smtpd->{ports}{smtp});
	like $smtp->greeting, qr/\A220 mail\.example\.test /, 'smtpd greets';
	like $smtp->send_message('a@b.test', ['anna@example.test'], "Subject: activated\n\nx\n"), qr/\A250/, 'and takes a message';
	is(Postroom::Smtp->connect(port => $smtpd->{ports}{submission})->code, 220, 'submission');
	is(Postroom::Smtp->connect(port => $smtpd->{ports}{smtps}, tls => 1)->code, 220, 'smtps');
	my $text;
	$p->wait_for(sub {
		my $pop3 = Postroom::Pop3->connect(port => $login->{ports}{pop3});
		$pop3->login('anna', 'anna-secret');
		$text = $pop3->retr(1);
		$pop3->quit;
		return $text;
	}, 'the message for anna', 20);
	like $text, qr/^Subject: activated\r$/m, 'pop3-login gives it out';
	like(Postroom::Pop3->connect(port => $login->{ports}{pop3s}, tls => 1)->greeting, qr/\A\+OK /, 'pop3s');
	for my $listener ($smtpd, $login) {
		my $notice = '';
		while ($notice !~ /^READY=1$/m) { # what is bound to other ports is taken by the instance itself, which is told before
			IO::Select->new($listener->{notify})->can_read(10) or last;
			$listener->{notify}->recv($notice, 1000);
		}
		like $notice, qr/^READY=1$/m, 'systemd was told that it is ready';
		is stop_process($listener->{pid}), 0, 'it ends when told';
	}
	$p->stop;
};

done_testing;
