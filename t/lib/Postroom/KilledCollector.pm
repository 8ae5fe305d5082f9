package Postroom::KilledCollector;

=head1 NAME

Postroom::KilledCollector - kill -9 at every step of collecting

=head1 SYNOPSIS

    my $rounds = Postroom::KilledCollector->new($p, 'box');
    $rounds->killed_at('linkat', $_, put => sub { my (@texts) = @_; ... }, remaining => sub { ... }) for 1 .. 3;
    $rounds->finish('fred', 'freds-secret');

=head1 DESCRIPTION

In a round C<put> puts messages into the mailbox, the session or the daemon is killed at the n-th call of that name, and
the next run does the rest, after which C<remaining> has to be 0. C<finish> looks whether each message is in the user's
mailbox, once.

=cut

use strict;
use warnings;
use Postroom::Trace;
use Test::More ();

my $PER_ROUND = 3;

sub new {
	my ($class, $p, $collector) = @_;
	return bless { p => $p, collector => $collector, killed => [], survived => [] }, $class;
}

sub collect { my ($self) = @_; return $self->{p}->postroom('collector', 'run', $self->{collector}, '--wait') }

sub killed_at {
	my ($self, $call, $when, %mailbox) = @_;
	my $p = $self->{p};
	$mailbox{put}->(map { "From: a\@far.test\nSubject: $call $when message $_\n\nbody $call $when $_\n" } 1 .. $PER_ROUND);
	my $trace = Postroom::Trace->attach([$p->main_pid('collector')], calls => [$call], inject => ["$call:signal=KILL:when=$when"]);
	my ($first) = $self->collect;
	$trace->detach;
	push @{ $first == 0 ? $self->{survived} : $self->{killed} }, "$call $when";
	$p->wait_for(sub { ($p->postroom('collector', 'history'))[0] == 0 }, 'the collector is back', 20);
	my ($status, $out) = $self->collect;
	Test::More::is($status, 0, "killed at $call $when: the next run does the rest") or Test::More::diag($out);
	Test::More::is($mailbox{remaining}->(), 0, 'and leaves nothing at the server');
	return;
}

sub finish {
	my ($self, $user, $password) = @_;
	my $p = $self->{p};
	my @rounds = (@{ $self->{killed} }, @{ $self->{survived} });
	my %count;
	$p->wait_for(sub { !@{ $p->queue } && !glob($p->dir . '/spool/*/new/*') }, 'the queue is empty', 20);
	my $pop3 = $p->pop3;
	$pop3->login($user, $password);
	for my $number (1 .. ($pop3->stat)[0]) {
		$count{$1}++ if join('', $pop3->top($number, 0)) =~ /^Subject: (.*?)\r?$/m;
	}
	$pop3->quit;
	Test::More::cmp_ok(scalar(@{ $self->{killed} }), '>=', @rounds * 2 / 3, 'most rounds hit something')
		or Test::More::diag("not hit: @{ $self->{survived} }");
	Test::More::is(scalar(keys %count), @rounds * $PER_ROUND, '04-4.3 no message is lost');
	Test::More::is_deeply([grep { $count{$_} != 1 } sort keys %count], [], '04-4.3 none is there twice');
	Test::More::is_deeply([glob $p->dir . '/spool/collector/tmp/*'], [], 'nothing is left in the drop');
	return;
}

1;
