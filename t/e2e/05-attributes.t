#!/usr/bin/perl
# Attributes of users and groups: set, forced by groups, handed out at joining, exported and imported.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(read_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(domain => 'mycompany.test', users => { map { $_ => 'secret-Pw' } qw(anna bert carl) });

sub refused {
	my ($reason, @arguments) = @_;
	my ($status, $out, $err) = $p->postroom(@arguments);
	is "$status $out", '1 ', "refused: @arguments";
	return like $err, qr/\Apostroom: .*$reason/, 'reason';
}

sub value {
	my ($user, $key) = @_;
	my $row = $p->postroom_json('user', 'get', $user, $key)->[0];
	return "$row->{value} $row->{from}";
}

sub logs_in { return $p->pop3->login($_[0], 'secret-Pw') =~ /\A\+OK/ }

subtest 'one user' => sub {
	is value('anna', 'enabled'), 'on default', 'the default';
	is $p->postroom_ok('user', 'set', 'Anna', 'comment', 'has left  the house'), '', 'set says nothing';
	is $p->postroom_ok('user', 'get', 'anna', 'comment'), "has left  the house\n", 'its value alone';
	is value('anna', 'comment'), 'has left  the house own', 'and where from';
	$p->postroom_ok('user', 'set', 'anna', 'enabled', 'NO', 'comment', '--gone');
	ok !logs_in('anna'), 'disabled at once';
	is value('anna', 'comment'), '--gone own', 'two of them in one change';
	$p->postroom_ok('user', 'unset', 'anna', 'enabled', 'comment');
	ok logs_in('anna'), 'enabled';
	is value('anna', 'comment'), ' default', 'unset';
	like $p->postroom_ok('user', 'get', 'anna'), qr/^anna +enabled +default +on$/m, 'all of them';
	refused(qr/there is no attribute "enabeld"; did you mean enabled\?/, 'user', 'set', 'anna', 'enabeld', 'on');
	refused(qr/enabled must be on or off, not "perhaps"/, 'user', 'set', 'anna', 'enabled', 'perhaps');
	refused(qr/comment must have at most 80 characters/, 'user', 'set', 'anna', 'comment', 'x' x 81);
	refused(qr/force cannot be set of a user/, 'user', 'set', 'anna', 'force', 'on');
	refused(qr/there is no user "nobody"/, 'user', 'set', 'nobody', 'enabled', 'on');
	like $p->log, qr/info: set comment = --gone of user anna \(settings \d+\)$/m, 'a change is a line in the log';
};

subtest 'many users, or none' => sub {
	$p->postroom_ok('user', 'set', 'anna,bert', 'comment', 'both');
	is_deeply [map { value($_, 'comment') } qw(anna bert carl)], ['both own', 'both own', ' default'], 'two';
	$p->postroom_ok('user', 'set', '*r*', 'comment', 'with r');
	is_deeply [map { value($_, 'comment') } qw(anna bert carl)], ['both own', 'with r own', 'with r own'], 'by wildcards';
	$p->postroom_ok('user', 'set', '--all', 'comment', 'all');
	is scalar(grep { $_->{value} eq 'all' } @{ $p->postroom_json('user', 'get', '--all', 'comment') }), 4, 'all';
	refused(qr/there is no user "nobody"/, 'user', 'set', 'anna,nobody', 'comment', 'x');
	refused(qr/must be an enabled user who is an administrator/, 'user', 'disable', '--all');
	is value('anna', 'comment'), 'all own', 'nobody was changed';
	ok logs_in('anna'), 'nor disabled';
	$p->postroom_ok('user', 'unset', '--all', 'comment');
};

subtest '02-20.1 some but not others' => sub {
	$p->postroom_ok('group', 'add', 'retired');
	$p->postroom_ok('group', 'add-member', 'retired', 'bert');
	$p->postroom_ok('user', 'set', '*,!$retired', 'comment', 'at work');
	is_deeply [map { value($_, 'comment') } qw(anna bert carl postmaster)], ['at work own', ' default', ('at work own') x 2],
		'all but the retired';
	$p->postroom_ok('user', 'set', '$retired', 'comment', 'at home');
	is value('bert', 'comment'), 'at home own', 'members of a group';
	refused(qr/nobody is left of those that are named/, 'user', 'set', 'bert,!$retired', 'comment', 'x');
	refused(qr/there is no member of "nogroup"/, 'user', 'set', '$nogroup', 'comment', 'x');
	$p->postroom_ok('user', 'unset', '--all', 'comment');
	$p->postroom_ok('group', 'delete', 'retired');
};

subtest '02-20.2 lists are added to and taken from' => sub {
	$p->postroom_ok('user', 'set', 'anna', 'assistant', '+boss@x.example') for 1, 2;
	is value('anna', 'assistant'), 'boss@x.example own', 'added twice it is there once';
	$p->postroom_ok('user', 'set', 'anna,bert', 'assistant', '+carl');
	is_deeply [map { value($_, 'assistant') } qw(anna bert)], ['boss@x.example,carl own', 'carl own'], 'to what each has';
	$p->postroom_ok('user', 'set', 'anna,bert', 'assistant', '-BOSS@x.example');
	is_deeply [map { value($_, 'assistant') } qw(anna bert)], ['carl own', 'carl own'], 'taken from who has it';
	$p->postroom_ok('user', 'set', 'anna', 'assistant', 'a@x.example');
	is value('anna', 'assistant'), 'a@x.example own', 'another value replaces all';
	$p->postroom_ok('user', 'set', 'anna', 'send.addresses', '+*@club.example');
	is value('anna', 'send.addresses'), 'any,*@club.example own', 'to the default where nothing is set';
	$p->postroom_ok('user', 'unset', 'anna,bert', 'assistant', 'send.addresses');
};

subtest '02-20.4 one wrong value changes nobody' => sub {
	refused(qr/mailbox\.quota must be a number of MB, not "abc"/, 'user', 'set', '--all', 'comment', 'x', 'mailbox.quota', 'abc');
	is scalar(grep { $_->{value} ne '' } @{ $p->postroom_json('user', 'get', '--all', 'comment') }), 0, 'nobody has the comment';
	refused(qr/must be an enabled user who is an administrator/, 'user', 'set', '--all', 'administrator', 'off');
};

subtest '06-9.2 a disabled group' => sub {
	$p->postroom_ok('group', 'add', 'night');
	$p->postroom_ok('group', 'add-member', 'night', $_, '--primary') for 'anna', 'bert';
	refused(qr/is in already the group night/, 'group', 'add-member', 'night', 'anna', '--primary');
	$p->postroom_ok('group', 'set', 'night', 'enabled', 'off');
	ok !logs_in('anna') && !logs_in('bert') && logs_in('carl'), 'its members log in no more';
	is value('anna', 'enabled'), 'off group', 'get tells why';
	refused(qr/the group night forces enabled of the user anna/, 'user', 'enable', 'anna');
	$p->postroom_ok('group', 'unset', 'night', 'enabled');
	ok logs_in('anna') && logs_in('bert'), 'they do again at once';
};

subtest '06-9.4 values for who joins, or forced' => sub {
	$p->postroom_ok('group', 'add', 'office');
	$p->postroom_ok('group', 'set', 'office', 'in-everyone', 'off', 'administrator', 'on');
	$p->postroom_ok('group', 'add-member', 'office', 'carl', '--primary');
	is value('carl', 'in-everyone'), 'off own', 'he has it from joining';
	$p->postroom_ok('group', 'set', 'office', 'in-everyone', 'on');
	is value('carl', 'in-everyone'), 'off own', 'a later change leaves him alone';
	$p->postroom_ok('group', 'set', 'office', 'force', 'on');
	is value('carl', 'in-everyone'), 'on group', 'forced';
	is_deeply [map { $_->{key} } @{ $p->postroom_json('group', 'get', 'office') }], [qw(administrator force in-everyone)],
		'what the group has set' or diag explain $p->postroom_json('group', 'get', 'office');
	my ($carl) = grep { $_->{name} eq 'carl' } @{ $p->postroom_json('user', 'list') };
	ok $carl->{administrator} && $carl->{group} eq 'office', 'the list of users has what is in force';
	$p->postroom_ok('user', 'set', 'carl', 'comment', 'his own');
	refused(qr/the group office forces in-everyone of the user carl/, 'user', 'set', 'carl', 'in-everyone', 'off');
	$p->postroom_ok('group', 'add-member', 'night', 'carl', '--primary');
	is value('carl', 'in-everyone'), 'off own', 'another primary group: his own again';
	is_deeply $p->postroom_json('group', 'members', 'office'), [{ name => 'carl' }], 'he stays a member of the first';
};

subtest 'export and import' => sub {
	$p->postroom_ok('group', 'add-member', 'office', 'bert', '--primary');
	my $text = $p->postroom_ok('export');
	like $text, qr/^\[group-attribute\]\ngroup = office\nkey = force\nvalue = on$/m, 'of a group';
	like $text, qr/^\[user-attribute\]\nuser = carl\nkey = comment\nvalue = his own$/m, 'of a user';
	like $text, qr/^\[user\]\nname = carl\n(?:.+\n)*primary-group = night$/m, 'the primary group';
	$p->postroom_ok('user', 'unset', 'carl', 'comment');
	$p->postroom_ok('user', 'set', 'anna', 'comment', 'new');
	$p->postroom_ok('group', 'unset', 'office', 'force');
	$p->postroom_ok('group', 'remove-member', 'office', 'bert');
	my $changes = $p->postroom_ok({ stdin => $text }, 'import', '-');
	like $changes, qr/unset comment of user anna.*set comment = his own of user carl|set comment = his own of user carl.*unset comment of user anna/s,
		'what was changed';
	is $p->postroom_ok('export'), $text, 'the round trip';
	my ($status, undef, $err) = $p->postroom({ stdin => "$text\n[user-attribute]\nuser = anna\nkey = enabled\nvalue = on\n" },
		'import', '-');
	like $err, qr/import:\d+: enabled stands in the \[user\]/, 'one that stands elsewhere';
	is $p->postroom_ok('attributes', '--format', 'man'), read_file('man/postroom-attributes.5'),
		'postroom-attributes(5) is that of the catalogue (make manual)';
	like $p->postroom_ok('attributes', 'force'), qr/\Aforce \(of groups alone\)/, 'one is explained';
};

$p->stop;
done_testing;
