package Postroom::Lan;

=head1 NAME

Postroom::Lan - an instance with rules of LAN forwarding, and strangers who send to it

=head1 SYNOPSIS

    my $lan = Postroom::Lan->start;                # anna and bob; 127.0.0.1 is a stranger, attempts come each second
    $lan->rule('--address', '*@x.test', '--server', $server->address);
    my $id = $lan->submit('a@x.test', from => ..., text => ...);
    $lan->rcpt('a@x.test');                        # the code that a stranger's RCPT gets
    $lan->wait_gone($id);                          # it has left the queue
    $lan->count_mail('bob');
    $lan->no_rules;
    $lan->{p};                                     # the instance

=cut

use strict;
use warnings;
use Postroom::Test;
use Test::More ();

sub start {
	my ($class) = @_;
	my $p = Postroom::Test->start(
		users => { anna => 'anna-secret', bob => 'bob-secret' },
		set   => { 'lan.retry' => 1 },
		relay => ['127.0.0.5'],
	);
	return bless { p => $p }, $class;
}

sub rule {
	my ($self, @options) = @_;
	return $self->{p}->postroom_ok('lan-rule', 'add', @options);
}

sub no_rules {
	my ($self) = @_;
	my $rules = $self->{p}->postroom_json('lan-rule', 'list');
	$self->{p}->postroom_ok('lan-rule', 'delete', 1) for @$rules;
	return;
}

sub submit {
	my ($self, $to, %options) = @_;
	my $smtp = $self->{p}->smtp;
	my @to = ref $to ? @$to : $to;
	my $reply = $smtp->send_message($options{from} // 'stranger@elsewhere.test', \@to,
		$options{text} // "Subject: over the LAN\n\nbody\n");
	Test::More::like($reply, qr/\A250/, "taken for @to");
	my ($id) = $reply =~ /queued as (\S+)/;
	$smtp->quit;
	return $id;
}

sub rcpt {
	my ($self, $to) = @_;
	my $smtp = $self->{p}->smtp;
	$smtp->ehlo('client.test');
	$smtp->cmd('MAIL FROM:<stranger@elsewhere.test>');
	my $code = $smtp->cmd("RCPT TO:<$to>");
	$smtp->quit;
	return $code;
}

sub wait_gone {
	my ($self, $id) = @_;
	$self->{p}->wait_for(sub { !-e $self->{p}->dir . "/spool/active/$id" }, "$id has left the queue", 20);
	return;
}

sub count_mail {
	my ($self, $user) = @_;
	my $pop3 = $self->{p}->pop3;
	$pop3->login($user, "$user-secret");
	my ($count) = $pop3->stat;
	$pop3->quit;
	return $count;
}

1;
