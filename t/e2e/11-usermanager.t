#!/usr/bin/perl
# usermanager.lua: other names to log in by.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(write_file);
use Postroom::Test;
use Test::More;

my $p = Postroom::Test->start(users => { robert => 'robert-secret', anna => 'anna-secret' }, set => { 'login.full-address' => 'off' });
my $script = $p->dir . '/etc/scripts/usermanager.lua';

# The mailbox is free again when QUIT is answered.
sub by_pop3 {
	my ($user, $password) = @_;
	my $pop3 = $p->pop3;
	my $right = $pop3->login($user, $password) =~ /\A\+OK/ ? 1 : 0;
	$pop3->quit;
	return $right;
}

subtest '09-14.2 names as the settings have them' => sub {
	is by_pop3('ROBERT', 'robert-secret'), 1, 'case does not matter';
	is by_pop3('robert', 'Robert-Secret'), 0, 'but in passwords';
	is by_pop3('robert@mycompany.com', 'robert-secret'), 0, 'an address is no name';
};

subtest '09-14.2 names that a script translates' => sub {
	write_file($script, <<'END');
function TranslateUsername(protocol, submitted)
	if protocol == "IMAP4" then return "anna" end
	if submitted == "loop" then while true do end end
	if submitted == "fail" then error("broken") end
	return submitted:lower():gsub("@mycompany%.com$", "")
end
END
	is by_pop3('robert@mycompany.com', 'robert-secret'), 1, 'by POP3';
	is by_pop3('Robert@MyCompany.com', 'robert-secret'), 1, 'in any case';
	is by_pop3('robert@mycompany.com', 'robert-SECRET'), 0, 'with the right password alone';
	is by_pop3('robert', 'robert-secret'), 1, 'a name stays one';
	my $imap = $p->imap;
	$imap->login('whoever', 'anna-secret');
	ok $imap->is_ok, 'by IMAP somebody else, as the script wants';
	my $smtp = $p->smtp(service => 'submission');
	$smtp->ehlo('client.test');
	$smtp->starttls;
	$smtp->ehlo('client.test');
	is $smtp->auth('PLAIN', 'robert@mycompany.com', 'robert-secret'), 235, 'by SMTP';
	is by_pop3('fail', 'anna-secret'), 0, 'a script that fails changes nothing';
	is by_pop3('robert', 'robert-secret'), 1, 'not for others either';
	is by_pop3('loop', 'anna-secret'), 0, 'one that hangs is ended';
	is by_pop3('robert', 'robert-secret'), 1, 'and others go on';
	$p->script('usermanager');
	is by_pop3('robert@mycompany.com', 'robert-secret'), 0, 'without the script it is as before';
};

$p->stop;
done_testing;
