package Postroom::Lists;

=head1 NAME

Postroom::Lists - mail to lists and the ListServer, and what comes of it

=head1 SYNOPSIS

    my $lists = Postroom::Lists->new($p);
    $lists->make('mylist', mailing => ['anna', 'x@remote.test'], 'slow-posting' => 'on');
    $lists->send(from => 'ann@x.test', to => "mylist\@$domain", subject => 'hello', text => "one\ntwo\n");   # last reply
    my ($mail) = $lists->wait_mails('anna', 1);     # taken out of the mailbox; dies after a while
    is_deeply [$lists->mails('bert')], [];
    my $answer = $lists->take('bert', qr/\ARe: /);  # by subject; left('bert'): all others
    header($mail, 'Reply-To');                      # all values of a field, unfolded

=cut

use strict;
use warnings;
use Exporter qw(import);

our @EXPORT_OK = qw(header body);

sub new {
	my ($class, $p) = @_;
	return bless { p => $p }, $class;
}

sub make {
	my ($self, $name, $type, $members, %settings) = @_;
	my $p = $self->{p};
	$p->postroom_ok('list', 'add', $name, '--type', $type, @$members);
	$p->postroom_ok('list', 'set', $name, $_, '--', $settings{$_}) for sort keys %settings;
	return $name;
}

sub send {
	my ($self, %mail) = @_;
	my $smtp = $self->{p}->smtp($mail{local} ? (local => $mail{local}) : ());
	my $from = $mail{header_from} // "<$mail{from}>";
	my $header = $mail{header} // '';
	my @to = ref $mail{to} ? @{ $mail{to} } : $mail{to};
	my $subject = $mail{subject} // 'test';
	my $text = $mail{text} // "text\n";
	my $reply = $smtp->send_message($mail{from}, \@to, "From: $from\nTo: $to[0]\nSubject: $subject\n$header\n$text");
	$smtp->quit;
	return $reply;
}

sub mails {
	my ($self, $user) = @_;
	my $pop3 = $self->{p}->pop3;
	$pop3->login($user, "$user-secret");
	my ($count) = $pop3->stat;
	my @mails = map { $pop3->retr($_) } 1 .. $count;
	$pop3->cmd("DELE $_") for 1 .. $count;
	$pop3->quit;
	return @mails;
}

sub wait_mails {
	my ($self, $user, $count) = @_;
	my @mails;
	$self->{p}->wait_for(sub { push @mails, $self->mails($user); return @mails >= $count }, "$count messages for $user", 30);
	return @mails;
}

# The first mail to a user whose subject matches; others wait for their turn.
sub take {
	my ($self, $user, $subject) = @_;
	my $box = $self->{box}{$user} //= [];
	my $index;
	$self->{p}->wait_for(sub {
		push @$box, $self->mails($user);
		($index) = grep { join('', header($box->[$_], 'Subject')) =~ $subject } 0 .. $#$box;
		return defined $index;
	}, "a mail $subject for $user", 30);
	return splice @$box, $index, 1;
}

# All others that are there by now.
sub left {
	my ($self, $user) = @_;
	return (splice(@{ $self->{box}{$user} // [] }), $self->mails($user));
}

sub members {
	my ($self, $name) = @_;
	return sort map { $_->{address} } @{ $self->{p}->postroom_json('list', 'member', 'list', $name) };
}

sub header {
	my ($mail, $name) = @_;
	my ($header) = split /\r?\n\r?\n/, $mail, 2;
	$header =~ s/\r?\n(?=[ \t])//g;
	return map { s/\A\s+|\s+\z//gr } $header =~ /^\Q$name\E:([^\r\n]*)/mgi;
}

sub body {
	my ($mail) = @_;
	return (split /\r?\n\r?\n/, $mail, 2)[1];
}

1;
