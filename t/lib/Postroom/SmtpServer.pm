package Postroom::SmtpServer;

=head1 NAME

Postroom::SmtpServer - a remote SMTP server that does what a test tells it

=head1 SYNOPSIS

    my $server = Postroom::SmtpServer->start(
        extensions => ['SIZE 10000000', 'PIPELINING', 'DSN'],
        replies    => {
            RCPT => ['451 4.3.0 later', '250 2.1.5 ok'],     # in turn; the last one stays
            DATA => sub { my ($session, $argument) = @_; ... return '354 go on' },
            '.'  => '550 5.6.0 no such thing',
        },
    );
    $server->port;
    $server->set_reply(RCPT => 'SLEEP 2 250 ok');             # from now on
    my ($message) = $server->wait_messages(1);
    $message->{from}; $message->{to}[0]; $message->{data};    # data with CRLF, dots undone
    $message->{mail_arguments}; $message->{rcpt_arguments}[0]; $message->{helo}; $message->{tls}; $message->{user};
    $server->commands;                                        # every line received, in order, passwords too
    $server->connections;
    $server->most_connections;                                # open at a time
    $server->stop;

=head1 REPLIES

A reply belongs to a verb, C<CONNECT> (the greeting) or C<.> (the end of data). It is a text ("250 ok", several lines
joined by "\n"), a list of texts used one after the other by all connections together, or a function that returns a
text. C<DROP> closes the connection instead; C<SLEEP n text> waits n seconds first; C<DROP-AFTER text> closes after it.
Without one of its own a verb is answered as a good server would.

=head1 OPTIONS

C<host>, C<port>; C<extensions> of EHLO (none: HELO only is understood where C<no_ehlo> is set); C<tls>: offers STARTTLS
with a self-signed certificate, or with the one of C<pair =E<gt> [chain, key]> (files); C<certificate> is its file;
C<implicit_tls>; C<auth =E<gt> {user =E<gt> password}>: offers AUTH PLAIN LOGIN.

=cut

use strict;
use warnings;
use Fcntl qw(:flock SEEK_SET);
use File::Temp;
use IO::Socket::IP;
use IO::Socket::SSL;
use JSON::PP;
use MIME::Base64;
use POSIX ();
use Postroom::Ports;
use Postroom::Process qw(stop_process wait_until read_file write_file run_program);
use Time::HiRes qw(sleep);

my $json = JSON::PP->new->latin1->canonical;

sub start {
	my ($class, %options) = @_;
	my $self = bless { host => '127.0.0.1', extensions => [], replies => {}, owner => $$, %options }, $class;
	$self->{folder} = File::Temp->newdir('postroom-smtpserver-XXXXXX', TMPDIR => 1);
	$self->{port} //= Postroom::Ports::port($self->{host});
	$self->make_certificate if ($self->{tls} || $self->{implicit_tls}) && !$self->{pair};
	write_file("$self->{folder}/replies", $json->encode({}));
	write_file("$self->{folder}/$_", '') for qw(transcript messages counts);
	my $listener = IO::Socket::IP->new(
		LocalHost => $self->{host}, LocalPort => $self->{port}, Listen => 100, ReuseAddr => 1,
	) or die "cannot listen on port $self->{port}: $@\n";
	$self->{pid} = fork // die "cannot fork: $!\n";
	if ($self->{pid} == 0) {
		eval { $self->accept_all($listener) };
		POSIX::_exit(0);
	}
	close $listener;
	return $self;
}

sub make_certificate {
	my ($self) = @_;
	my ($status, undef, $err) = run_program('openssl', 'req', '-x509', '-newkey', 'ec', '-pkeyopt',
		'ec_paramgen_curve:P-256', '-nodes', '-days', 10, '-subj', '/CN=' . ($self->{name} // 'localhost'), '-keyout',
		"$self->{folder}/key.pem", '-out', "$self->{folder}/cert.pem");
	die "openssl: $err" if $status != 0;
	$self->{pair} = ["$self->{folder}/cert.pem", "$self->{folder}/key.pem"];
	return;
}

sub certificate { return $_[0]{pair}[0] }

sub port { return $_[0]{port} }
sub address { return "$_[0]{host}:$_[0]{port}" }

# In the test: what to answer from now on. undef: as at the start.
sub set_reply {
	my ($self, %replies) = @_;
	my $now = $json->decode(read_file("$self->{folder}/replies"));
	for my $verb (keys %replies) {
		defined $replies{$verb} ? ($now->{$verb} = $replies{$verb}) : delete $now->{$verb};
	}
	write_file("$self->{folder}/replies.new", $json->encode($now));
	rename "$self->{folder}/replies.new", "$self->{folder}/replies" or die "cannot change the replies: $!\n";
	truncate "$self->{folder}/counts", 0;
	return $self;
}

sub lines {
	my ($self, $name) = @_;
	return map { $json->decode($_) } split /\n/, read_file("$self->{folder}/$name");
}

sub messages {
	my ($self) = @_;
	return $self->lines('messages');
}

sub wait_messages {
	my ($self, $count, $seconds) = @_;
	wait_until(sub { $self->messages >= $count }, "the server has $count messages", $seconds);
	return $self->messages;
}

sub commands {
	my ($self) = @_;
	return map { $_->{line} } grep { defined $_->{line} } $self->lines('transcript');
}

sub connections {
	my ($self) = @_;
	return scalar grep { $_->{connect} } $self->lines('transcript');
}

# The largest number of connections that were open at a time.
sub most_connections {
	my ($self) = @_;
	my ($open, $most) = (0, 0);
	for my $entry ($self->lines('transcript')) {
		$open += $entry->{connect} ? 1 : $entry->{end} ? -1 : 0;
		$most = $open if $open > $most;
	}
	return $most;
}

sub stop {
	my ($self) = @_;
	stop_process(delete $self->{pid}) if $self->{pid} && $self->{owner} == $$;
	return;
}

sub DESTROY {
	my ($self) = @_;
	local ($?, $@);
	$self->stop;
}

# From here on in the server's processes.

sub append {
	my ($self, $name, $entry) = @_;
	open my $file, '>>:raw', "$self->{folder}/$name" or return;
	flock $file, LOCK_EX;
	syswrite $file, $json->encode($entry) . "\n";
	close $file;
}

sub accept_all {
	my ($self, $listener) = @_;
	my %children;
	local $SIG{TERM} = sub { kill 'TERM', keys %children; POSIX::_exit(0) };
	local $SIG{CHLD} = sub {
		while ((my $pid = waitpid -1, POSIX::WNOHANG()) > 0) { delete $children{$pid} }
	};
	for (;;) {
		my $socket = $listener->accept or next;
		my $pid = fork // next;
		if ($pid == 0) {
			@SIG{qw(TERM CHLD)} = ('DEFAULT', 'DEFAULT');
			close $listener;
			eval { $self->serve($socket) };
			$self->note_end;
			POSIX::_exit(0);
		}
		$children{$pid} = 1;
		close $socket;
	}
}

# Which of several replies is it this time? Counted for all connections together.
sub count_up {
	my ($self, $verb) = @_;
	open my $file, '+<', "$self->{folder}/counts" or return 0;
	flock $file, LOCK_EX;
	local $/;
	my $text = <$file>;
	my $counts = defined $text && $text ne '' ? $json->decode($text) : {};
	my $count = $counts->{$verb}++ // 0;
	seek $file, 0, SEEK_SET;
	truncate $file, 0;
	syswrite $file, $json->encode($counts);
	close $file;
	return $count;
}

sub find_reply {
	my ($self, $session, $verb, $argument, $default) = @_;
	my $now = $json->decode(read_file("$self->{folder}/replies"));
	my $reply = $now->{$verb} // $self->{replies}{$verb};
	return $default if !defined $reply;
	return $reply->($session, $argument) // $default if ref $reply eq 'CODE';
	return $reply if !ref $reply;
	my $count = $self->count_up($verb);
	return $reply->[$count < @$reply ? $count : -1];
}

sub put {
	my ($session, $bytes) = @_;
	local $SIG{PIPE} = 'IGNORE';
	while (length $bytes) {
		my $count = syswrite $session->{socket}, $bytes;
		die "gone\n" if !defined $count;
		substr $bytes, 0, $count, '';
	}
}

# Send a reply; the code that it had. Dies where it closes the connection.
sub send_reply {
	my ($session, $reply) = @_;
	sleep $1 if $reply =~ s/\ASLEEP ([\d.]+) //;
	die "dropped\n" if $reply eq 'DROP';
	my $drop = $reply =~ s/\ADROP-AFTER //;
	put($session, join '', map { "$_\r\n" } split /\r?\n/, $reply);
	die "dropped\n" if $drop;
	return substr $reply, 0, 3;
}

sub answer {
	my ($self, $session, $verb, $argument, $default) = @_;
	return send_reply($session, $self->find_reply($session, $verb, $argument, $default));
}

sub get_line {
	my ($self, $session) = @_;
	my $end;
	while (($end = index $session->{buffer}, "\n") < 0) {
		sysread $session->{socket}, $session->{buffer}, 65536, length $session->{buffer} or die "closed\n";
	}
	my $line = substr $session->{buffer}, 0, $end + 1, '';
	return $line;
}

sub handshake {
	my ($self, $session) = @_;
	$session->{buffer} = '';
	IO::Socket::SSL->start_SSL($session->{socket}, SSL_server => 1, SSL_cert_file => $self->{pair}[0],
		SSL_key_file => $self->{pair}[1]) or die "TLS failed\n";
	$session->{tls} = $session->{socket}->get_sslversion;
}

sub reset_transaction {
	my ($session) = @_;
	@$session{qw(from to mail_arguments rcpt_arguments)} = (undef, [], '', []);
}

sub note_end {
	my ($self) = @_;
	$self->append('transcript', { end => 1, process => $$ }) if !$self->{ended}++;
	return;
}

sub serve {
	my ($self, $socket) = @_;
	my $session = { socket => $socket, buffer => '', helo => '', tls => '', user => '' };
	$self->append('transcript', { connect => $socket->peerhost, process => $$ });
	reset_transaction($session);
	$self->handshake($session) if $self->{implicit_tls};
	$self->answer($session, 'CONNECT', '', '220 ' . ($self->{name} // 'remote.test') . ' ESMTP');
	for (;;) {
		my $line = $self->get_line($session);
		$line =~ s/\r?\n\z//;
		$self->append('transcript', { line => $line, process => $$ });
		my ($verb, $argument) = $line =~ /\A(\S+)\s*(.*)\z/s ? (uc $1, $2) : ('', '');
		my $method = $self->can("on_\L$verb");
		$self->note_end if $verb eq 'QUIT'; # the client may open the next one once it is answered
		if ($verb =~ /\A[A-Z]+\z/ && $method) {
			$self->$method($session, $argument);
		} else {
			$self->answer($session, $verb, $argument, '500 5.5.1 unknown command');
		}
		return if $verb eq 'QUIT';
	}
}

sub on_ehlo {
	my ($self, $session, $argument) = @_;
	return $self->answer($session, 'EHLO', $argument, '500 5.5.1 unknown command') if $self->{no_ehlo};
	my @lines = ($self->{name} // 'remote.test', @{ $self->{extensions} });
	push @lines, 'STARTTLS' if $self->{tls} && !$session->{tls};
	push @lines, 'AUTH PLAIN LOGIN' if $self->{auth};
	my $last = pop @lines;
	$session->{helo} = $argument;
	reset_transaction($session);
	$self->answer($session, 'EHLO', $argument, join "\n", (map { "250-$_" } @lines), "250 $last");
}

sub on_helo {
	my ($self, $session, $argument) = @_;
	$session->{helo} = $argument;
	$self->answer($session, 'HELO', $argument, '250 ' . ($self->{name} // 'remote.test'));
}

sub on_starttls {
	my ($self, $session, $argument) = @_;
	my $offered = $self->{tls} && !$session->{tls};
	my $code = $self->answer($session, 'STARTTLS', $argument, $offered ? '220 2.0.0 go on' : '502 5.5.1 no TLS');
	$self->handshake($session) if $code eq '220';
}

sub ask {
	my ($self, $session, $challenge) = @_;
	put($session, '334 ' . encode_base64($challenge, '') . "\r\n");
	my $line = $self->get_line($session);
	$line =~ s/\r?\n\z//;
	$self->append('transcript', { line => $line, process => $$ });
	return decode_base64($line);
}

sub on_auth {
	my ($self, $session, $argument) = @_;
	my ($mechanism, $initial) = split / /, $argument, 2;
	my ($user, $password) = ('', '');
	my $given = defined $initial ? decode_base64($initial) : undef;
	if (uc $mechanism eq 'PLAIN') {
		(undef, $user, $password) = split /\0/, $given // $self->ask($session, '');
	} elsif (uc $mechanism eq 'LOGIN') {
		$user = $given // $self->ask($session, 'Username:');
		$password = $self->ask($session, 'Password:');
	}
	my $right = $self->{auth} && defined $self->{auth}{$user} && $self->{auth}{$user} eq $password;
	my $code = $self->answer($session, 'AUTH', $argument, $right ? '235 2.7.0 welcome' : '535 5.7.8 wrong');
	$session->{user} = $user if $code eq '235';
}

sub on_mail {
	my ($self, $session, $argument) = @_;
	my ($from, $arguments) = $argument =~ /\AFROM:\s*<([^>]*)>\s*(.*)\z/i;
	my $code = $self->answer($session, 'MAIL', $argument, defined $from ? '250 2.1.0 ok' : '501 5.5.4 what?');
	return if $code ne '250';
	reset_transaction($session);
	@$session{qw(from mail_arguments)} = ($from, $arguments);
}

sub on_rcpt {
	my ($self, $session, $argument) = @_;
	my ($to, $arguments) = $argument =~ /\ATO:\s*<([^>]*)>\s*(.*)\z/i;
	my $code = $self->answer($session, 'RCPT', $argument, defined $to ? '250 2.1.5 ok' : '501 5.5.4 what?');
	return if $code !~ /\A25/;
	push @{ $session->{to} }, $to;
	push @{ $session->{rcpt_arguments} }, $arguments;
}

sub on_data {
	my ($self, $session, $argument) = @_;
	my $code = $self->answer($session, 'DATA', $argument, @{ $session->{to} } ? '354 go on' : '503 5.5.1 no recipients');
	return if $code ne '354';
	my $data = '';
	for (;;) {
		my $line = $self->get_line($session);
		last if $line eq ".\r\n";
		$line =~ s/\A\.//;
		$data .= $line;
	}
	my %message = (data => $data, process => $$,
		map { $_ => $session->{$_} } qw(from to mail_arguments rcpt_arguments helo tls user));
	$session->{data} = $data;
	my $reply = $self->find_reply($session, '.', '', '250 2.0.0 taken');
	# kept before the answer, so that who has seen the answer finds the message
	$self->append('messages', \%message) if $reply =~ /\A(?:SLEEP [\d.]+ |DROP-AFTER )*250/;
	send_reply($session, $reply);
	reset_transaction($session);
}

sub on_rset {
	my ($self, $session, $argument) = @_;
	reset_transaction($session);
	$self->answer($session, 'RSET', $argument, '250 2.0.0 ok');
}

sub on_noop {
	my ($self, $session, $argument) = @_;
	$self->answer($session, 'NOOP', $argument, '250 2.0.0 ok');
}

sub on_quit {
	my ($self, $session, $argument) = @_;
	$self->answer($session, 'QUIT', $argument, '221 2.0.0 bye');
}

1;
