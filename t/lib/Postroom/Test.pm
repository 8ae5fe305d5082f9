package Postroom::Test;

=head1 NAME

Postroom::Test - a real instance of Postroom for a test: made, run, asked, stopped

=head1 SYNOPSIS

    use lib 't/lib';
    use Postroom::Test;
    use Test::More;

    my $p = Postroom::Test->start(
        domain => 'example.test',
        users  => { anna => 'secret', bert => 'geheim' },
        set    => { 'smtp.max-message-size' => 100000 },
    );
    like $p->smtp->send_message('a@x.test', ['anna@example.test'], "Subject: x\n\nbody\n"), qr/\A250/, 'taken';
    my $pop3 = $p->pop3;
    like $pop3->login('anna', 'secret'), qr/\A\+OK/, 'logged in';
    $p->stop;
    done_testing;

=head1 DESCRIPTION

Run as root, the instance uses the real users and lies where they can enter; otherwise everything runs as one user. Ports
are free ones on 127.0.0.1 (Postroom::Ports), so that tests may run side by side. The programs are those in
C<$ENV{POSTROOM_BUILD}> (default C<build>).

C<stop> ends the instance and fails the test where a process stays, or where the log holds a report of AddressSanitizer
or UBSan or a crash. A test that forgets it gets the same at its end. When a test fails, the log is shown.
C<POSTROOM_KEEP=1> keeps the folder; C<POSTROOM_PATIENCE=5> makes every wait five times longer; C<POSTROOM_SCRATCH> is the
folder to make instances in (C<make check> takes one in memory where there is room).

=head1 START

C<Postroom::Test-E<gt>start(%options)>, all optional:

=over

=item domain, host_name

The first local domain (default C<example.test>) and the server's name (default C<mail.example.test>).

=item domains => [...], users => {name => password}, mappings => [[pattern => target], ...], set => {key => value}

Objects and settings to begin with. They are made after the start, before C<start> returns.

=item ids => 1

Count what clients of 127.0.0.0/8 do against them, as of other addresses; otherwise they are on the never-block list.

=item relay => ['127.0.0.9', ...]

Who may send to other domains by SMTP without a login; everybody else may with one.

=item guard => 1

Lock clients out after three wrong passwords, and want passwords of eight characters, as every new instance does.

=item bind

The address to listen on, 127.0.0.1.

=item prepare => sub { my ($p) = @_; ... }

Called between init and run: to change conf files.

=item parent => $folder

The folder to make the instance in.

=item run => 0

Only C<init>; C<$p-E<gt>run> starts it later (again after C<stop_running>).

=back

=head1 METHODS

=over

=item dir, host, port($service), domain, password, log_path

Where things are; C<password> is postmaster's. Services: smtp, submission, smtps, pop3, pop3s, imap, imaps, web.

=item smtp(%options), pop3(%options), imap(%options)

A client (Postroom::Smtp, Postroom::Pop3, Postroom::Imap) that has read the greeting. C<service =E<gt> 'submission'>;
C<local =E<gt> '127.0.0.2'> to come from another address. Implicit TLS follows from the service.

=item postroom(@arguments)

Runs the command line; (exit status, standard output, standard error). C<postroom({stdin =E<gt> ...}, ...)>.

=item postroom_ok(@arguments)

The same where only success is right: dies otherwise, returns the output. C<postroom_json> decodes it too.

=item access($list, @rules)

Replaces an access list by rules in the interchange form, C<'1|2|192.0.2.0|24|0||'>.

=item relay(@addresses)

As the option of that name.

=item script($name, $text)

Keep this text as that Lua script (C<bandwidth>, C<anna/delivery>), in force at once; without a text the script goes, also where
it was put into F<etc/scripts>.

=item set(key => value, ...), add_user($name, $password), queue

Short for what tests do most. C<queue> is the decoded C<queue list --json>.

=item wait_for($condition, $what, $seconds), wait_log($pattern, $seconds), log

Wait until it is true; until the log matches. C<log> is the log's text, with all that was logged before the call.

=item pids($daemon), main_pid($daemon), kill_daemon($daemon, $signal)

All its processes; the one that the supervisor started; signal that one.

=item run, stop_running, stop

Start after C<run =E<gt> 0>; stop so that it may be run again; stop for good and look for what must not be.

=back

=cut

use strict;
use warnings;
use File::Basename qw(basename);
use File::Path qw(remove_tree);
use File::Temp qw(tempdir);
use JSON::PP qw(decode_json);
use POSIX ();
use Postroom::Imap;
use Postroom::Pop3;
use Postroom::Ports;
use Postroom::Process qw(run_program spawn_program stop_process wait_until read_file write_file);
use Postroom::Smtp;
use Scalar::Util qw(weaken);
use Test::More ();

my %PORT = (smtp => 25, submission => 587, smtps => 465, pop3 => 110, pop3s => 995, imap => 143, imaps => 993, web => 5108);
my %TLS = (smtps => 1, pop3s => 1, imaps => 1);
my @instances;

# A test that is told to end still stops what it started.
for my $signal (qw(TERM INT HUP)) {
	$SIG{$signal} //= sub { exit 143 };
}

sub start {
	my ($class, %options) = @_;
	my $self = bless {
		domain => 'example.test', host_name => 'mail.example.test', bind => '127.0.0.1', run => 1, %options, owner => $$,
	}, $class;
	push @instances, $self;
	weaken $instances[-1];
	$self->make_folder;
	$self->init;
	$self->{prepare}->($self) if $self->{prepare};
	$self->run->fill_in if $self->{run};
	return $self;
}

sub make_folder {
	my ($self) = @_;
	my $parent = $self->{parent} // $Postroom::Process::SCRATCH;
	$self->{folder} = tempdir('postroom-test-XXXXXX', DIR => $parent);
	chmod 0755, $self->{folder};
	$self->{dir} = "$self->{folder}/instance";
}

sub init {
	my ($self) = @_;
	$self->{offset} = Postroom::Ports::offset($self->{bind}, values %PORT);
	my $out = $self->postroom_ok('init', '--domain', $self->{domain}, '--port-offset', $self->{offset}, '--bind',
		$self->{bind}, '--host-name', $self->{host_name});
	($self->{password}) = $out =~ /^Password: (\S+)$/m;
}

sub fill_in {
	my ($self) = @_;
	$self->set('login.lockout-failures' => 0, 'login.password-min-length' => 1) if !$self->{guard};
	$self->set(%{ $self->{set} }) if $self->{set};
	$self->postroom_ok('never-block', 'add', '127.0.0.0/8') if !$self->{ids};
	$self->relay(@{ $self->{relay} }) if $self->{relay};
	$self->postroom_ok('domain', 'add', $_) for @{ $self->{domains} // [] };
	$self->add_user($_, $self->{users}{$_}) for sort keys %{ $self->{users} // {} };
	$self->postroom_ok('mapping', 'add', @$_) for @{ $self->{mappings} // [] };
	return $self;
}

sub run {
	my ($self) = @_;
	my $out = "$self->{folder}/run.out";
	write_file($out, '');
	$self->{pid} = spawn_program({ stdout => $out, stderr => "$self->{folder}/run.err" }, $self->program, '-C',
		$self->{dir}, 'run');
	my $ready = eval {
		$self->wait_for(sub {
			die "postroom run ended at once\n" if !$self->is_running;
			return read_file($out) =~ /^ready$/m;
		}, 'the instance says ready', 60);
	};
	if (!$ready) {
		my $reason = $@;
		$self->show_log;
		die $reason;
	}
	return $self;
}

sub is_running {
	my ($self) = @_;
	return 0 if !$self->{pid};
	return 1 if waitpid($self->{pid}, POSIX::WNOHANG()) == 0;
	$self->{exit_status} = $?;
	delete $self->{pid};
	return 0;
}

sub dir { return $_[0]{dir} }
sub host { return $_[0]{bind} }
sub domain { return $_[0]{domain} }
sub password { return $_[0]{password} }
sub log_path { return "$_[0]{dir}/log/postroom.log" }
sub build_folder { return $ENV{POSTROOM_BUILD} // 'build' }
sub program { return build_folder() . '/bin/postroom' }

sub port {
	my ($self, $service) = @_;
	return $self->{offset} + ($PORT{$service} // die "no service $service\n");
}

sub client {
	my ($self, $class, $service, %options) = @_;
	return $class->connect(host => $self->host, port => $self->port($service), tls => $TLS{$service}, %options);
}

sub smtp {
	my ($self, %options) = @_;
	return $self->client('Postroom::Smtp', delete $options{service} // 'smtp', %options);
}

sub pop3 {
	my ($self, %options) = @_;
	return $self->client('Postroom::Pop3', delete $options{service} // 'pop3', %options);
}

sub imap {
	my ($self, %options) = @_;
	return $self->client('Postroom::Imap', delete $options{service} // 'imap', %options);
}

sub postroom {
	my ($self, @arguments) = @_;
	my $options = ref $arguments[0] eq 'HASH' ? shift @arguments : {};
	return run_program($options, $self->program, '-C', $self->{dir}, @arguments);
}

sub postroom_ok {
	my ($self, @arguments) = @_;
	my ($status, $out, $err) = $self->postroom(@arguments);
	return $out if $status == 0;
	shift @arguments if ref $arguments[0];
	$self->show_log;
	die "postroom @arguments: exit status $status\n$out$err";
}

sub postroom_json {
	my ($self, @arguments) = @_;
	return decode_json($self->postroom_ok(@arguments, '--json'));
}

sub set {
	my ($self, %values) = @_;
	$self->postroom_ok('set', $_, $values{$_}) for sort keys %values;
	return $self;
}

sub access {
	my ($self, $list, @rules) = @_;
	return $self->postroom_ok({ stdin => join "\n", 0, @rules }, 'access', 'import', '--list', $list, '-');
}

sub script {
	my ($self, $name, $text) = @_;
	unlink "$self->{dir}/etc/scripts/$name.lua";
	return $self->postroom_ok({ stdin => $text }, 'script', 'import', '-', $name) if defined $text;
	my ($status, undef, $err) = $self->postroom('script', 'delete', $name);
	$status == 0 || $err =~ /there is no script/ or die "script delete $name: $err";
	return;
}

sub relay {
	my ($self, @addresses) = @_;
	$self->access($_, (map { "1|2|$_|32|1||" } @addresses), '1|0||0|0||') for qw(smtp submission smtps);
}

sub add_user {
	my ($self, $name, $password) = @_;
	return $self->postroom_ok({ stdin => "$password\n" }, 'user', 'add', $name, '--password-stdin');
}

sub queue {
	my ($self) = @_;
	return $self->postroom_json('queue', 'list');
}

sub wait_for {
	my ($self, $condition, $what, $seconds) = @_;
	return wait_until($condition, $what, $seconds);
}

# Whoever logs wakes the log writer before his write returns: what was logged before now stands in the file once it sleeps.
sub settle_log {
	my ($self) = @_;
	for my $pid ($self->pids('log-writer')) {
		$self->wait_for(sub { (read_file("/proc/$pid/stat") // '') !~ /\A.*\) [RD]/s }, 'the log is written');
	}
}

sub log {
	my ($self) = @_;
	$self->settle_log;
	return read_file($self->log_path) // '';
}

sub wait_log {
	my ($self, $pattern, $seconds) = @_;
	return $self->wait_for(sub { $self->log =~ $pattern }, "the log matches $pattern", $seconds);
}

# Processes of this instance: those whose arguments name its folder. pid to [program, parent].
sub processes {
	my ($self) = @_;
	my %found;
	for my $folder (glob '/proc/[0-9]*') {
		my @arguments = split /\0/, read_file("$folder/cmdline") // '';
		next if !grep { $_ eq $self->{dir} } @arguments;
		my ($state, $parent) = (read_file("$folder/stat") // '') =~ /\A.*\) (\S) (\d+)/s or next;
		next if $state eq 'Z';
		my $name = basename($arguments[0]);
		$name = 'log-writer' if (read_file("$folder/comm") // '') eq "log-writer\n"; # forked by the supervisor
		$found{ basename($folder) } = [$name, $parent];
	}
	return \%found;
}

sub pids {
	my ($self, $daemon) = @_;
	my $processes = $self->processes;
	return sort { $a <=> $b } grep { $processes->{$_}[0] eq $daemon } keys %$processes;
}

sub main_pid {
	my ($self, $daemon) = @_;
	my $processes = $self->processes;
	my @pids = grep { $processes->{$_}[0] eq $daemon && $processes->{$_}[1] == ($self->{pid} // 0) } keys %$processes;
	return $pids[0] if @pids < 2;
	# a session whose parent has just ended is the supervisor's for a moment
	my ($told) = (read_file("$self->{dir}/run/status") // '') =~ /^\Q$daemon\E (\d+) /m;
	return (grep { $_ == ($told // 0) } @pids)[0];
}

sub kill_daemon {
	my ($self, $daemon, $signal) = @_;
	my $pid = $self->main_pid($daemon) // die "$daemon does not run\n";
	kill $signal // 'KILL', $pid or die "cannot signal $daemon: $!\n";
	return $pid;
}

# What is wrong after the end, as sentences.
sub stop_running {
	my ($self) = @_;
	my @wrong;
	if ($self->is_running) {
		my $status = stop_process(delete $self->{pid}, 'TERM', 20);
		push @wrong, sprintf 'postroom run ended with wait status 0x%x', $status if $status != 0;
	} elsif (exists $self->{exit_status}) {
		push @wrong, sprintf 'postroom run had ended before, with wait status 0x%x', delete $self->{exit_status};
	}
	eval { $self->wait_for(sub { !%{ $self->processes } }, 'no process stays', 5) } or do {
		my $left = $self->processes;
		push @wrong, map { "process $_ ($left->{$_}[0]) stays after the end" } sort keys %$left;
		kill 'KILL', keys %$left;
	};
	return @wrong;
}

sub find_reports {
	my ($self) = @_;
	my %seen;
	my $text = $self->log . (read_file("$self->{folder}/run.err") // '');
	return map { "the log holds: $_" } grep { !$seen{$_}++ }
		$text =~ /^(.*(?:(?:Address|Leak|Thread|UndefinedBehavior)Sanitizer|runtime error:|stack smashing detected).*)$/mg;
}

sub finish {
	my ($self) = @_;
	return if $self->{finished}++;
	return ($self->stop_running, $self->find_reports);
}

sub stop {
	my ($self) = @_;
	my @wrong = $self->finish;
	Test::More::fail($_) for @wrong;
	$self->clean_up;
	return !@wrong;
}

sub show_log {
	my ($self) = @_;
	my @lines = split /\n/, $self->log . (read_file("$self->{folder}/run.err") // '');
	splice @lines, 0, @lines - 200 if @lines > 200;
	Test::More::diag("log of $self->{dir}:");
	Test::More::diag("  $_") for @lines;
}

sub clean_up {
	my ($self) = @_;
	return if $self->{cleaned}++;
	$self->show_log if !Test::More->builder->is_passing;
	if ($ENV{POSTROOM_KEEP}) {
		Test::More::diag("kept: $self->{folder}");
		return;
	}
	remove_tree($self->{folder}, { error => \my $errors });
}

# Instances whose test did not stop them: it has died, or forgot.
END {
	my $status = $?;
	for my $self (grep { defined && $_->{owner} == $$ } @instances) {
		my @wrong = $self->finish;
		Test::More::diag($_) for @wrong;
		$status ||= 1 if @wrong;
		$self->clean_up;
	}
	$? = $status;
}

sub DESTROY {
	my ($self) = @_;
	return if $self->{owner} != $$ || ${^GLOBAL_PHASE} eq 'DESTRUCT';
	local ($?, $@);
	Test::More::diag($_) for $self->finish;
	$self->clean_up;
}

1;
