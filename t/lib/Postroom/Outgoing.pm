package Postroom::Outgoing;

=head1 NAME

Postroom::Outgoing - what tests of the queue and of senders do most

=head1 SYNOPSIS

    my $out = Postroom::Outgoing->new($p);                      # a running Postroom::Test
    my $id = $out->submit(['a@x.test', 'b@x.test'], subject => 'test', size => 9000, user => 'anna', from => '...');
    my $message = $out->wait_state($id, 'deferred');            # as `queue list --json` has it
    $out->wait_attempts($id, 2);
    $out->wait_gone($id);
    $out->later(10);                                            # the queue's clock goes on by ten minutes
    my @texts = $out->wait_mails('anna', 1);                    # taken out of the mailbox of anna, whose password is anna-secret
    $out->continuous('default', 'off');
    $out->run_pass('default');                                  # what it says

=head1 CLOCK

C<later> stops the instance, moves the queue's clock, which its database keeps, and starts it again.

=cut

use strict;
use warnings;
use Postroom::Process qw(run_program);

sub new {
	my ($class, $p) = @_;
	return bless { p => $p }, $class;
}

sub submit {
	my ($self, $to, %options) = @_;
	my $smtp = $self->{p}->smtp;
	$smtp->ehlo('client.test');
	$smtp->auth(PLAIN => $options{user}, "$options{user}-secret") if $options{user};
	my $from = $options{from} // 'anna@' . $self->{p}->domain;
	$smtp->cmd("MAIL FROM:<$from>");
	$smtp->cmd("RCPT TO:<$_>") for ref $to ? @$to : $to;
	my $subject = $options{subject} // 'test';
	$smtp->data($options{text} // "Subject: $subject\n\nbody\n" . 'x' x ($options{size} // 0) . "\n");
	my ($id) = $smtp->last =~ /queued as (\S+)/ or die 'not taken: ' . $smtp->last;
	$smtp->quit;
	return $id;
}

sub waiting {
	my ($self, $id) = @_;
	my ($message) = grep { $_->{id} eq $id } @{ $self->{p}->queue };
	return $message;
}

sub wait_state {
	my ($self, $id, $state) = @_;
	my $message;
	$self->{p}->wait_for(sub { $message = $self->waiting($id); return $message && $message->{state} eq $state },
		"$id is $state", 20);
	return $message;
}

sub wait_gone {
	my ($self, $id) = @_;
	$self->{p}->wait_for(sub { !$self->waiting($id) }, "$id has left the queue", 20);
	return;
}

sub wait_attempts {
	my ($self, $id, $attempts) = @_;
	my $message;
	$self->{p}->wait_for(sub {
		$message = $self->waiting($id);
		return $message && $message->{attempts} >= $attempts && $message->{state} eq 'deferred';
	}, "$id was tried $attempts times", 20);
	return $message;
}

# Change the queue's database while nobody uses it.
sub change_database {
	my ($self, $sql) = @_;
	$self->{p}->stop_running;
	my ($status, undef, $error) = run_program('sqlite3', $self->{p}->dir . '/state/queue/queue.db', $sql);
	die "sqlite3: $error" if $status != 0;
	$self->{p}->run;
	return;
}

sub later {
	my ($self, $minutes) = @_;
	return $self->change_database('UPDATE clock SET offset = offset + ' . $minutes * 60_000);
}

sub mails {
	my ($self, $user) = @_;
	my $pop3 = $self->{p}->pop3;
	$pop3->login($user, "$user-secret");
	my ($count) = $pop3->stat;
	my @texts = map { $pop3->retr($_) } 1 .. $count;
	$pop3->cmd("DELE $_") for 1 .. $count;
	$pop3->quit;
	return @texts;
}

sub wait_mails {
	my ($self, $user, $count) = @_;
	my @texts;
	$self->{p}->wait_for(sub { push @texts, $self->mails($user); return @texts >= $count }, "$count messages for $user", 20);
	return @texts;
}

sub continuous {
	my ($self, $name, $value) = @_;
	return $self->{p}->postroom_ok('connection', 'set', $name, 'continuous', $value);
}

sub run_pass {
	my ($self, $name) = @_;
	return $self->{p}->postroom_ok('queue', 'send', $name);
}

1;
