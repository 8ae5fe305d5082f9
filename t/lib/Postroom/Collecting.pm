package Postroom::Collecting;

=head1 NAME

Postroom::Collecting - messages in a mailbox elsewhere, collected, and found again

=head1 SYNOPSIS

    my $c = Postroom::Collecting->new($p, 'accepted-domains' => 'mycompany.com');
    my $mark = $c->put(['To: bill@mycompany.com', 'Subject: x'], body => "Hello\n");
    $c->run;
    $c->{d}->arrives('bill', 'INBOX', $mark);           # Postroom::Delivered

=head1 DESCRIPTION

There is one POP3 server (C<server>, a Postroom::Pop3Server) and one collector for it, "isp". Each message bears a mark
in the field X-Mark.

=over

=item set(%settings), reset

Settings of the collector; what C<set> set since the beginning is unset again.

=item put($header, body =E<gt> TEXT, top =E<gt> LINES, uidl =E<gt> ID)

A message for the mailbox: header lines; C<top>: lines before all others. Returns the mark.

=item run

Collects and waits for the end, which has to be a success; then until the spool is empty.

=item commands($verb)

What the server was asked by that verb since the last run began.

=back

=cut

use strict;
use warnings;
use Postroom::Delivered;
use Postroom::Pop3Server;
use Test::More ();

my $made = 0;

sub new {
	my ($class, $p, %settings) = @_;
	my $self = bless { p => $p, d => Postroom::Delivered->new($p), server => Postroom::Pop3Server->start, changed => {} },
		$class;
	$p->postroom_ok('connection', 'add', 'far');
	$p->postroom_ok('collector', 'add', 'isp', '--connections', 'far');
	my ($status, undef, $err) = $p->postroom({ stdin => "secret\n" }, 'collector', 'set', 'isp', '--password-stdin',
		'pop3.server', $self->{server}{host}, 'pop3.port', $self->{server}->port, 'pop3.username', 'box', %settings);
	Test::More::is($status, 0, 'there is a collector') or Test::More::diag($err);
	return $self;
}

sub set {
	my ($self, %settings) = @_;
	$self->{p}->postroom_ok('collector', 'set', 'isp', %settings);
	$self->{changed}{$_} = 1 for keys %settings;
	return;
}

sub reset { ## no critic (ProhibitBuiltinHomonyms): it does
	my ($self) = @_;
	$self->{p}->postroom_ok('collector', 'unset', 'isp', $_) for sort keys %{ $self->{changed} };
	$self->{changed} = {};
	return;
}

sub put {
	my ($self, $header, %options) = @_;
	my $mark = 'mark-' . ++$made . '-end';
	my $text = join '', map { "$_\n" } @{ $options{top} // [] }, "X-Mark: $mark", @$header, '', $options{body} // 'Hello';
	$self->{server}->put($text, uidl => $options{uidl} // "uidl-$made");
	return $mark;
}

sub run {
	my ($self) = @_;
	$self->{server}->forget;
	my ($status, $out, $err) = $self->{p}->postroom('collector', 'run', 'isp', '--wait');
	Test::More::is($status, 0, 'collected') or Test::More::diag("$out$err");
	$self->{d}->settled;
	return;
}

sub commands {
	my ($self, $verb) = @_;
	return grep { /^\Q$verb\E\b/i } $self->{server}->commands;
}

1;
