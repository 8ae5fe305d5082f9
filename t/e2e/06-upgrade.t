#!/usr/bin/perl
# An instance that an earlier version made starts with this one: what that one had not is made.
use strict;
use warnings;
use lib 't/lib';
use File::Path qw(remove_tree);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
my $dir = $p->dir;
my @missing = qw(state/history etc/scripts log/policy log/luaerrors.log log/luaerrors.lbk log/smtprules.log);
my %owner = map { $_ => [ (stat "$dir/$_")[2, 4, 5] ] } @missing;

$p->stop_running;
remove_tree("$dir/state/history", "$dir/etc/scripts", "$dir/log/policy");
unlink map { "$dir/log/$_" } qw(luaerrors.log luaerrors.lbk smtprules.log);
ok !-e "$dir/$_", "$_ is not there" for @missing;
chmod 0751, "$dir/etc/keys";

$p->run;
for my $name (@missing) {
	is_deeply [ (stat "$dir/$name")[2, 4, 5] ], $owner{$name}, "$name is there, as init makes it";
}
is sprintf('%o', (stat "$dir/etc/keys")[2] & 07777), '751', 'what was there is left alone';
chmod 0711, "$dir/etc/keys";
my $imap = $p->imap;
ok $imap->login('anna', 'anna-secret'), 'and serves';
undef $imap;

subtest 'what historyd wrote stays' => sub {
	$p->stop_running;
	my @before = stat "$dir/state/history/log.db";
	ok @before, 'there is a history';
	$p->run;
	is +(stat "$dir/state/history/log.db")[1], $before[1], 'the same file';
};

$p->stop;
done_testing;
