#!/usr/bin/perl
# Webmail needs no port of SMTP: it sends by a connection that webadmin hands to smtpd.
use strict;
use warnings;
use lib 't/lib';
use IO::Socket::INET;
use Postroom::Test;
use Postroom::Webmail;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'secret-a', bob => 'secret-b' }, run => 0);
my $other = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => $p->port('smtp'), Listen => 5, ReuseAddr => 1)
	// die "cannot listen: $!\n";
$p->run->fill_in;

subtest '09-15.7 webmail sends while another program has port 25' => sub {
	like $p->log, qr/smtpd.*in use/i, 'smtpd cannot have it, and says so';
	my $anna = Postroom::Webmail->new($p, 'anna', 'secret-a');
	$anna->ok(POST => '/mail/send', { to => 'bob@example.test', subject => 'without a port', text => 'x' });
	$p->wait_for(sub { $p->log =~ /delivered to user/ }, 'it is delivered');
	my $bob = Postroom::Webmail->new($p, 'bob', 'secret-b');
	is $bob->messages('INBOX', 1)->{items}[0]{subject}, 'without a port', 'and read';
};

close $other;
$p->stop;
done_testing;
