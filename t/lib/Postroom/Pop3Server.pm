package Postroom::Pop3Server;

=head1 NAME

Postroom::Pop3Server - a remote POP3 server with one mailbox that does what a test tells it

=head1 SYNOPSIS

    my $server = Postroom::Pop3Server->start(user => 'box', password => 'secret', capa => ['UIDL', 'TOP', 'PIPELINING']);
    $server->put("Subject: x\n\nbody\n", uidl => 'u1');        # LF becomes CRLF; bytes => 1: as it is
    $server->port;
    $server->set_reply(RETR => ['', 'DROP']);                  # from now on: the second RETR ends the connection
    $server->remaining;                                        # hashes with uidl and data, in order
    $server->commands;                                         # every line received, in order, passwords too
    $server->connections; $server->forget;                     # how many there were; begin counting again
    $server->stop;

=head1 REPLIES

A reply belongs to a verb with its argument (C<RETR 2>), a verb, C<CONNECT> (the greeting). It is a text or a list of
texts used one after the other by all connections together, the last one for good; an empty one means: as a good server
would. C<DROP> closes the connection instead; C<DROP-AFTER text> closes after it, C<HALF> after the first half of what a
good server would say; C<SLEEP n text> waits n seconds first; C<TRICKLE> says what a good server would, one octet a
second; C<ENDLESS> an endless line, C<ENDLESS-LINES> lines without end; C<BYTES text>: that, without a line end added.
A text may hold C<\n>, which becomes CRLF.

=head1 OPTIONS

C<capa>: what CAPA says, undef: it is not known. C<no_uidl>, C<no_top>, C<no_list>: these commands are refused.
C<timestamp>: in the greeting, for APOP. C<auth =E<gt> ['CRAM-MD5', 'PLAIN', 'XOAUTH2']>. C<tls>, C<implicit_tls>, C<pair>: as in
Postroom::SmtpServer. C<size =E<gt> sub { $octets }>: what LIST says of sizes.

=cut

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use Fcntl qw(:flock);
use File::Temp;
use IO::Socket::IP;
use IO::Socket::SSL;
use JSON::PP;
use MIME::Base64;
use POSIX ();
use Postroom::Ports;
use Postroom::Process qw(stop_process read_file write_file run_program);
use Postroom::Sasl;
use Time::HiRes qw(sleep);

my $json = JSON::PP->new->latin1->canonical;

sub start {
	my ($class, %options) = @_;
	my $self = bless { host => '127.0.0.1', user => 'box', password => 'secret', replies => {}, owner => $$,
		capa => ['UIDL', 'TOP', 'USER'], %options }, $class;
	$self->{folder} = File::Temp->newdir('postroom-pop3server-XXXXXX', TMPDIR => 1);
	$self->{port} //= Postroom::Ports::port($self->{host});
	$self->make_certificate if ($self->{tls} || $self->{implicit_tls}) && !$self->{pair};
	write_file("$self->{folder}/replies", $json->encode($self->{replies}));
	write_file("$self->{folder}/mailbox", '[]');
	write_file("$self->{folder}/$_", '') for qw(transcript counts lock);
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

sub stop {
	my ($self) = @_;
	return $self->{pid} ? stop_process(delete $self->{pid}, 'TERM', 5) : undef;
}

sub DESTROY {
	my ($self) = @_;
	$self->stop if $self->{owner} == $$;
	return;
}

# What all processes share changes under a lock.
sub locked {
	my ($self, $name, $change) = @_;
	open my $lock, '<', "$self->{folder}/lock" or die "cannot lock: $!\n";
	flock $lock, LOCK_EX or die "cannot lock: $!\n";
	my $text = read_file("$self->{folder}/$name");
	my $value = $text eq '' ? {} : $json->decode($text);
	my $result = $change->($value);
	write_file("$self->{folder}/$name.new", $json->encode($value));
	rename "$self->{folder}/$name.new", "$self->{folder}/$name" or die "cannot change $name: $!\n";
	return $result;
}

my $serial = 0;

sub put {
	my ($self, $data, %options) = @_;
	$data =~ s/\r?\n/\r\n/g if !$options{bytes};
	my $message = { key => ++$serial, uidl => $options{uidl} // "uidl-$serial", data => $data };
	$self->locked(mailbox => sub { push @{ $_[0] }, $message });
	return $message->{uidl};
}

sub remaining {
	my ($self) = @_;
	return @{ $json->decode(read_file("$self->{folder}/mailbox")) };
}

# They are gone, as if somebody else had deleted them.
sub clear { my ($self) = @_; return $self->locked(mailbox => sub { @{ $_[0] } = () }) }

# What the server calls its messages from now on.
sub rename_messages {
	my ($self, @uidls) = @_;
	return $self->locked(mailbox => sub { $_->{uidl} = shift @uidls for @{ $_[0] } });
}

sub set_reply {
	my ($self, %replies) = @_;
	$self->locked(replies => sub {
		for my $verb (keys %replies) {
			defined $replies{$verb} ? ($_[0]{$verb} = $replies{$verb}) : delete $_[0]{$verb};
		}
	});
	write_file("$self->{folder}/counts", '');
	return $self;
}

sub lines {
	my ($self) = @_;
	return map { $json->decode($_) } split /\n/, read_file("$self->{folder}/transcript");
}

sub commands { return map { $_->{line} } grep { defined $_->{line} } $_[0]->lines }
sub connections { return scalar grep { $_->{connect} } $_[0]->lines }
sub forget { return write_file("$_[0]{folder}/transcript", '') }

# From here on in the server's processes.

sub note {
	my ($self, %entry) = @_;
	open my $file, '>>', "$self->{folder}/transcript" or die "cannot note: $!\n";
	syswrite $file, $json->encode(\%entry) . "\n";
	close $file;
	return;
}

sub accept_all {
	my ($self, $listener) = @_;
	local $SIG{CHLD} = 'IGNORE';
	setpgrp; # so that the end of the server is that of its connections
	local $SIG{TERM} = sub { local $SIG{TERM} = 'IGNORE'; kill TERM => -$$; POSIX::_exit(0) };
	while (1) {
		my $client = $listener->accept or next;
		my $pid = fork // next;
		if ($pid == 0) {
			close $listener;
			local $SIG{PIPE} = 'IGNORE';
			eval { $self->serve($client) };
			warn $@ if $@ && $@ !~ /\Aclosed/;
			POSIX::_exit(0);
		}
		close $client;
	}
	return;
}

sub chosen_reply {
	my ($self, $command) = @_;
	my $replies = $json->decode(read_file("$self->{folder}/replies"));
	my ($verb) = split / /, $command;
	for my $key ($command, $verb) {
		my $reply = $replies->{$key} // next;
		return $reply if !ref $reply;
		my $turn = $self->locked(counts => sub { $_[0]{$key}++ // 0 });
		return $reply->[$turn < @{$reply} ? $turn : -1];
	}
	return '';
}

sub say_raw {
	my ($session, $bytes) = @_;
	my $at = 0;
	while ($at < length $bytes) {
		my $count = syswrite $session->{socket}, $bytes, length($bytes) - $at, $at;
		die "closed\n" if !$count;
		$at += $count;
	}
	return;
}

sub leave { die "closed\n" }

# Say what a good server would ($good), or what the test wants instead. True: the good one was said.
sub answer {
	my ($self, $session, $command, $good) = @_;
	my $reply = $self->chosen_reply($command);
	if ($reply =~ s/\ASLEEP (\S+) ?//) { sleep $1 }
	leave() if $reply eq 'DROP';
	if ($reply eq 'HALF') { say_raw($session, substr $good, 0, length($good) / 2); leave() }
	if ($reply eq 'TRICKLE') { for my $octet (split //, $good) { say_raw($session, $octet); sleep 1 } return 1 }
	if ($reply eq 'ENDLESS') { say_raw($session, '+OK '); say_raw($session, 'x' x 65536) while 1 }
	if ($reply eq 'ENDLESS-LINES') { say_raw($session, "+OK\r\n"); say_raw($session, "x: y\r\n" x 10000) while 1 }
	my $leaves = $reply =~ s/\ADROP-AFTER //;
	my $bytes = $reply =~ s/\ABYTES //;
	if ($reply eq '') { say_raw($session, $good); return 1 }
	$reply .= "\n" if !$bytes;
	$reply =~ s/\r?\n/\r\n/g;
	say_raw($session, $reply);
	leave() if $leaves;
	return 0;
}

sub stuffed {
	my ($data) = @_;
	$data =~ s/^\./../mg;
	$data .= "\r\n" if $data !~ /\n\z/;
	return $data;
}

sub open_mailbox {
	my ($self, $session) = @_;
	$session->{messages} = $json->decode(read_file("$self->{folder}/mailbox"));
	return "+OK welcome\r\n";
}

sub size_of {
	my ($self, $message) = @_;
	my $octets = length $message->{data};
	return $self->{size} ? $self->{size}->($octets) : $octets;
}

sub listing {
	my ($session, $show) = @_;
	my @messages = @{ $session->{messages} };
	my $lines = join '', map { $messages[$_]{deleted} ? () : $_ + 1 . ' ' . $show->($messages[$_]) . "\r\n" } 0 .. $#messages;
	return "+OK\r\n$lines.\r\n";
}

sub read_line {
	my ($session) = @_;
	while ($session->{input} !~ /\n/) {
		my $count = sysread $session->{socket}, $session->{input}, 65536, length $session->{input};
		die "closed\n" if !$count;
	}
	$session->{input} =~ s/\A(.*?)\r?\n//s;
	return $1;
}

sub encrypt {
	my ($self, $session) = @_;
	IO::Socket::SSL->start_SSL($session->{socket}, SSL_server => 1, SSL_cert_file => $self->{pair}[0],
		SSL_key_file => $self->{pair}[1]) or die "closed\n";
	$session->{input} = '';
	return;
}

my %commands = (
	CAPA => sub {
		my ($self, $session) = @_;
		return "-ERR what?\r\n" if !$self->{capa};
		my @lines = @{ $self->{capa} };
		push @lines, 'STLS' if $self->{tls} && !$session->{encrypted};
		push @lines, "SASL @{ $self->{auth} }" if $self->{auth};
		return join '', map { "$_\r\n" } '+OK', @lines, '.';
	},
	USER => sub { $_[1]{user} = $_[2]; return "+OK\r\n" },
	PASS => sub {
		my ($self, $session, $password) = @_;
		return "-ERR authorization failed\r\n" if ($session->{user} // '') ne $self->{user} || $password ne $self->{password};
		return $self->open_mailbox($session);
	},
	APOP => sub {
		my ($self, $session, $argument) = @_;
		my $wanted = "$self->{user} " . md5_hex(($self->{timestamp} // '') . $self->{password});
		return defined $self->{timestamp} && $argument eq $wanted ? $self->open_mailbox($session) : "-ERR no\r\n";
	},
	AUTH => sub {
		my ($self, $session, $argument) = @_;
		my ($mechanism, $initial) = split / /, $argument;
		return "-ERR no such mechanism\r\n" if !grep { $_ eq $mechanism } @{ $self->{auth} // [] };
		if ($mechanism eq 'CRAM-MD5') {
			say_raw($session, '+ ' . encode_base64('<1.2@test>', '') . "\r\n");
			my ($user, $digest) = split / /, decode_base64(read_line($session));
			my $right = $user eq $self->{user} && $digest eq unpack 'H*', Postroom::Sasl::hmac_md5('<1.2@test>', $self->{password});
			return $right ? $self->open_mailbox($session) : "-ERR [AUTH] no\r\n";
		}
		if (!defined $initial) { say_raw($session, "+ \r\n"); $initial = read_line($session) }
		if ($mechanism eq 'XOAUTH2') { # the password is the token
			my $right = decode_base64($initial) eq "user=$self->{user}\1auth=Bearer $self->{password}\1\1";
			return $right ? $self->open_mailbox($session) : "-ERR no\r\n";
		}
		my (undef, $user, $password) = split /\0/, decode_base64($initial);
		return $user eq $self->{user} && $password eq $self->{password} ? $self->open_mailbox($session) : "-ERR no\r\n";
	},
	STAT => sub {
		my ($self, $session) = @_;
		my $octets = 0;
		$octets += $self->size_of($_) for @{ $session->{messages} };
		return '+OK ' . @{ $session->{messages} } . " $octets\r\n";
	},
	LIST => sub {
		my ($self, $session) = @_;
		return $self->{no_list} ? "-ERR no\r\n" : listing($session, sub { $self->size_of($_[0]) });
	},
	UIDL => sub {
		my ($self, $session) = @_;
		return $self->{no_uidl} ? "-ERR no\r\n" : listing($session, sub { $_[0]{uidl} });
	},
	TOP => sub {
		my ($self, $session, $argument) = @_;
		my ($number) = split / /, $argument;
		my $message = $session->{messages}[$number - 1];
		return "-ERR no\r\n" if $self->{no_top} || !$message;
		my ($header) = split /\r\n\r\n/, $message->{data};
		return "+OK\r\n" . stuffed("$header\r\n\r\n") . ".\r\n";
	},
	RETR => sub {
		my ($self, $session, $number) = @_;
		my $message = $session->{messages}[$number - 1];
		return !$message || $message->{deleted} ? "-ERR no such message\r\n" : "+OK\r\n" . stuffed($message->{data}) . ".\r\n";
	},
	DELE => sub {
		my ($self, $session, $number) = @_;
		return $session->{messages}[$number - 1] ? "+OK\r\n" : "-ERR no such message\r\n";
	},
	NOOP => sub { return "+OK\r\n" },
);

sub update {
	my ($self, $session) = @_;
	my %gone = map { $_->{key} => 1 } grep { $_->{deleted} } @{ $session->{messages} // [] };
	$self->locked(mailbox => sub { @{ $_[0] } = grep { !$gone{ $_->{key} } } @{ $_[0] } });
	return;
}

sub run_command {
	my ($self, $session, $line) = @_;
	my ($verb, $argument) = split / /, $line, 2;
	$verb = uc $verb;
	if ($verb eq 'QUIT') {
		$self->update($session) if $self->answer($session, $line, "+OK bye\r\n");
		leave();
	}
	if ($verb eq 'STLS' && $self->{tls}) {
		$self->encrypt($session) if $self->answer($session, $line, "+OK\r\n");
		$session->{encrypted} = 1;
		return;
	}
	my $early = $verb =~ /\A(?:CAPA|USER|PASS|APOP|AUTH|STLS)\z/;
	my $run = $commands{$verb};
	my $good = !$run || (!$early && !$session->{messages}) ? "-ERR not now\r\n" : $run->($self, $session, $argument // '');
	my $done = $self->answer($session, $line, $good);
	$session->{messages}[$argument - 1]{deleted} = 1 if $verb eq 'DELE' && $done && $good =~ /\A\+/;
	return;
}

sub serve {
	my ($self, $socket) = @_;
	my $session = { socket => $socket, input => '' };
	$self->note(connect => 1);
	$self->encrypt($session) if $self->{implicit_tls};
	my $stamp = defined $self->{timestamp} ? " $self->{timestamp}" : '';
	$self->answer($session, 'CONNECT', "+OK ready$stamp\r\n");
	while (1) {
		my $line = read_line($session);
		$self->note(line => $line);
		$self->run_command($session, $line);
	}
	return;
}

1;
