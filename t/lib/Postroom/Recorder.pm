package Postroom::Recorder;

=head1 NAME

Postroom::Recorder - a proxy that writes down what a client says, and the replay of what was written

=head1 SYNOPSIS

    my $recorder = Postroom::Recorder->start($port_of_the_server, "$folder/record");
    ... a client uses $recorder->port ...
    $recorder->stop;                            # the file is whole
    my @lines = Postroom::Recorder::read_record("$folder/record");
    my $answers = Postroom::Recorder::replay(sub { $p->imap }, @lines);

=head1 DESCRIPTION

A record is text: a line for each line of the client, in the order of their coming, "connection number, space, the line"
(without CRLF; octets that are not printable ASCII as %XX, as is "%"). A line without text says that the client closed
that connection. C<#> begins a comment.

C<replay> opens a connection for each number and sends each line when what was sent before on it is answered. The answers
come back as a list of hashes: C<line>, C<answer> (the tagged response; "+" for what goes on) and C<untagged>. Answers that
do not follow IMAP's grammar die (Postroom::Imap).

=cut

use strict;
use warnings;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Postroom::Process qw(read_file write_file stop_process);

sub start {
	my ($class, $server, $path) = @_;
	write_file($path, '');
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 20, ReuseAddr => 1) or die "cannot listen: $@\n";
	my $self = bless { path => $path, port => $listener->sockport, owner => $$ }, $class;
	$self->{pid} = fork // die "cannot fork: $!\n";
	return $self if $self->{pid};
	$SIG{TERM} = 'DEFAULT';
	eval { serve($listener, $server, $path) };
	print STDERR $@ if $@;
	POSIX::_exit(1);
}

sub port { return $_[0]{port} }

sub stop {
	my ($self) = @_;
	return stop_process(delete $self->{pid}, 'TERM', 5);
}

sub DESTROY {
	my ($self) = @_;
	$self->stop if $self->{owner} == $$;
}

sub note {
	my ($file, $number, $text) = @_;
	$text =~ s/([^\x20-\x24\x26-\x7e])/sprintf '%%%02X', ord $1/ge;
	print {$file} "$number $text\n";
}

# One process for all connections, so that their lines stand in the order of their coming.
sub serve {
	my ($listener, $server, $path) = @_;
	open my $file, '>>', $path or die "cannot write $path: $!\n";
	$file->autoflush;
	my $select = IO::Select->new($listener);
	my (%end, $count);
	for (;;) {
		for my $socket ($select->can_read) {
			if ($socket == $listener) {
				my $client = $listener->accept or next;
				my $far = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$server") or die "cannot connect to the server: $@\n";
				$end{$client} = { peer => $far, number => ++$count, pending => '' };
				$end{$far} = { peer => $client };
				$select->add($client, $far);
				next;
			}
			my $here = $end{$socket} or next;
			if (!sysread $socket, my $bytes, 65536) {
				note($file, $here->{number}, '') if $here->{number};
				delete @end{$socket, $here->{peer}};
				$select->remove($socket, $here->{peer});
				$_->close for $socket, $here->{peer};
			} else {
				$here->{peer}->syswrite($bytes);
				next if !$here->{number};
				$here->{pending} .= $bytes;
				note($file, $here->{number}, $1) while $here->{pending} =~ s/\A([^\n]*?)\r?\n//;
			}
		}
	}
}

sub read_record {
	my ($path) = @_;
	my @lines;
	for my $line (split /\n/, read_file($path) // die "cannot read $path: $!\n") {
		next if $line =~ /\A#/;
		my ($number, $text) = $line =~ /\A(\d+) (.*)\z/ or die "$path: what is \"$line\"?\n";
		$text =~ s/%([0-9A-F]{2})/chr hex $1/ge;
		push @lines, [$number, $text];
	}
	return @lines;
}

# What answers a line that was sent: the tagged response, or "+" where more is to come.
sub answer_to {
	my ($imap, $tag) = @_;
	return $imap->wait_for(sub { $_[0]{tag} eq '+' || $_[0]{tag} eq $tag }, 30);
}

sub replay {
	my ($connect, @lines) = @_;
	my (%imap, %tag, %literal, @answers);
	for my $line (@lines) {
		my ($number, $text) = @$line;
		if ($text eq '' && !$literal{$number}) {
			(delete $imap{$number})->close if $imap{$number};
			next;
		}
		my $imap = $imap{$number} //= $connect->();
		$imap->{seen} = [];
		$imap->send_raw("$text\r\n");
		if (($literal{$number} // 0) > 0) {    # within a literal nothing is answered
			$literal{$number} -= length($text) + 2;
			next if $literal{$number} >= 0;
			$literal{$number} = 0;
		} elsif (!$tag{$number}) {
			($tag{$number}) = $text =~ /\A(\S+) /;
		}
		my ($size, $plus) = $text =~ /\{(\d+)(\+?)\}\z/;
		$literal{$number} = $size if defined $size;
		next if $plus;
		my $answer = answer_to($imap, $tag{$number});
		push @answers, { line => $text, connection => $number, answer => $answer, untagged => [$imap->untagged] };
		delete $tag{$number} if !$answer || $answer->{tag} ne '+';
	}
	$_->close for values %imap;
	return \@answers;
}

1;
