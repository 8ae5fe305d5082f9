#!/usr/bin/perl
# Logs, settings as a text, tables of addresses: what the server writes and takes as files.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Browser qw(browse need_browser);
use Postroom::Process qw(read_file);
use Postroom::Test;
use Test::More;

need_browser();
my $p = Postroom::Test->start(users => { anna => 'anna-secret' }, set => { 'server.offer-wizard' => 'off' });
for my $who (qw(otto anna)) {
	my $pop3 = $p->pop3;
	unlike $pop3->login($who, 'wrong'), qr/\A\+OK/, "$who: a login that fails";
}
$p->wait_for(sub { (read_file($p->dir . '/log/security.log') // '') =~ /otto/ }, 'it is in security.log', 10);
browse($p, 't/web/transfer.mjs');
$p->stop;
done_testing;
