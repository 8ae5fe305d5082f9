#!/usr/bin/perl
# Who may use a service, by address and by user: access lists, their texts, GeoIP, the networks of the machine, relaying.
# Run by root it has a network of its own, whose clients come from any address; the server has none of them.
use strict;
use warnings;
use lib 't/lib';
use Postroom::Process qw(run_program write_file);
use Postroom::Test;
use Test::More;

my $ROUTER = '192.0.2.1';
if ($> == 0 && !$ENV{POSTROOM_OWN_NETWORK}) {
	local $ENV{POSTROOM_OWN_NETWORK} = 1;
	my $own = 'ip link set lo up && ip link add office type veth peer name others && ip link set office up && ip link set others up && ip address add 192.0.2.2/24 dev office'
		. " && ip route add default via $ROUTER";
	$own .= " && ip route add local $_ dev lo"
		for "$ROUTER/32", qw(192.168.66.0/24 192.168.72.0/24 203.0.113.0/24 198.51.100.0/24 1.0.0.0/24 198.18.0.0/24);
	exec 'unshare', '--net', 'sh', '-c', "$own && exec \"\$@\"", 'sh', $^X, $0 if system("unshare --net sh -c '$own' 2>/dev/null") == 0;
}
plan(skip_all => 'needs root, for a network of its own') if !$ENV{POSTROOM_OWN_NETWORK};

my $REFUSED = '550 5.7.1 Relaying not allowed! Bad sender IP address';
my $LOGIN_FIRST = '530 5.7.0 Authentication required';
my $p = Postroom::Test->start(users => { map { $_ => "$_-secret" } qw(anna paul) }, set => { 'sender.mx-port' => 1 });
my $domain = $p->domain;
$p->postroom_ok('never-block', 'add', '0.0.0.0/0'); # what is refused here would count
my $folder = "$p->{folder}";

# What a client of an address hears: the greeting where it is refused, else the answer to its login.
sub pop3_from {
	my ($address, $user) = @_;
	my $pop3 = $p->pop3(local => $address);
	return $pop3->greeting if $pop3->greeting !~ /\A\+OK/;
	my $answer = $pop3->login($user // 'anna', ($user // 'anna') . '-secret');
	$pop3->quit if $answer =~ /\A\+OK/;
	return $answer;
}

# The answer to a recipient, after a login where a user is named.
sub rcpt_from {
	my ($address, $to, $user, %options) = @_;
	my $smtp = $p->smtp(local => $address, %options);
	return $smtp->greeting if $smtp->greeting !~ /\A220/;
	$smtp->ehlo;
	if ($user && $smtp->auth('PLAIN', $user, "$user-secret") != 235) {
		return $smtp->last;
	}
	$smtp->cmd('MAIL FROM:<' . ($options{from} // 'a@b.test') . '>') == 250 or return $smtp->last;
	$smtp->cmd("RCPT TO:<$to>");
	return $smtp->last;
}

sub is_rejected {
	my ($pattern, @arguments) = @_;
	my ($status, undef, $err) = $p->postroom(@arguments);
	is $status, 1, "postroom @arguments is refused";
	like $err, $pattern, 'with the reason';
}

sub rules {
	my ($list) = @_;
	return [map { "$_->{restrict} $_->{address}" . ($_->{users} ne '' ? " $_->{users}" : '') } @{ $p->postroom_json('access', 'list', '--list', $list) }];
}

sub add { $p->postroom_ok('access', 'add', '--list', @_) }
sub defaults { $p->postroom_ok('access', 'defaults', '--list', $_) for @_ }

my $REFUSED_POP3 = '-ERR Postroom Server access not allowed!';
my $LOGIN_FAILED = '-ERR [AUTH] Login Failed';

subtest '05-5.1 01-20.1 default settings: a client that is in no list' => sub {
	is rcpt_from('203.0.113.5', "anna\@$domain"), '250 2.1.5 OK', 'sends to local users';
	is rcpt_from('203.0.113.5', 'x@example.net'), $REFUSED, 'and to nobody else';
	is rcpt_from('203.0.113.5', 'x@example.net', 'anna'), $REFUSED, 'also after a login';
	is rcpt_from('127.0.0.1', 'x@example.net'), '250 2.1.5 OK', 'programs of this machine do';
	is pop3_from('203.0.113.5'), $REFUSED_POP3, 'mailboxes are not for it either';
	is $p->imap(local => '203.0.113.5')->greeting->{type}, 'BYE', 'by IMAP';
	is $p->imap(local => '192.0.2.2')->greeting->{type}, 'OK', 'but for the network of this machine';
	like pop3_from('127.0.0.1'), qr/\A\+OK/, 'but for this machine';
	is_deeply rules('pop3'), ['block routers', 'allow local'], 'the list that a service begins with';
};

subtest '05-2.1 01-20.2 addresses and users' => sub {
	$p->access('pop3');
	add('pop3', 'allow', 'any', '--users', 'paul');
	add('pop3', 'block', 'routers');
	add('pop3', 'allow', '192.168.66.0/24');
	like pop3_from('192.168.66.9', $_), qr/\A\+OK/, "$_ from the office" for qw(anna paul);
	like pop3_from('203.0.113.5', 'paul'), qr/\A\+OK/, 'paul from outside';
	is pop3_from('203.0.113.5', 'anna'), $LOGIN_FAILED, 'anna from outside, with the right password';
	$p->wait_log(qr/login refused by the access list, service=pop3 user=anna peer=203\.0\.113\.5/);
	is pop3_from($ROUTER), $REFUSED_POP3, 'the router is refused at connect';
	$p->access('imap', '0|0||0|0|' . user_id('anna') . '|');
	my $imap = $p->imap(local => '203.0.113.5');
	is $imap->login('anna', 'anna-secret')->{code}, 'AUTHENTICATIONFAILED', 'a block rule with users, over IMAP';
	is $imap->login('paul', 'paul-secret')->{type}, 'OK', 'refuses these alone';
	is_rejected(qr/rule 1 of an access list names the user/, 'user', 'delete', 'anna');
	defaults(qw(pop3 imap));
};

sub user_id {
	my ($name) = @_;
	my ($user) = grep { $_->{name} eq $name } @{ $p->postroom_json('user', 'list') };
	return $user->{uid};
}

subtest '05-2.2 09-1.2 host bits are cleared, single addresses come first' => sub {
	$p->access('pop3');
	my (undef, undef, $err) = $p->postroom(qw(access add --list pop3 allow 192.168.1.57/24));
	like $err, qr{192\.168\.1\.57/24 .*192\.168\.1\.0/24}, 'a warning names both';
	add('pop3', 'block', '192.168.1.57/32');
	is_deeply rules('pop3'), ['block 192.168.1.57', 'allow 192.168.1.0/24'], 'as it is listed';
	$p->access('pop3');
	($err) = ($p->postroom(qw(access add --list pop3 allow 192.168.72.15/29)))[2];
	like $err, qr{192\.168\.72\.15/29 .*192\.168\.72\.8/29}, 'with /29';
	like pop3_from('192.168.72.14'), qr/\A\+OK/, '192.168.72.14 is in it';
	is pop3_from('192.168.72.16'), $REFUSED_POP3, '192.168.72.16 is not';
};

subtest '09-1.1 09-1.3 09-1.5 networks, single addresses, masks' => sub {
	$p->access('pop3');
	add('pop3', 'allow', '192.168.66.0/255.255.255.240');
	is_deeply rules('pop3'), ['allow 192.168.66.0/28'], 'a mask is shown as a prefix';
	like pop3_from('192.168.66.15'), qr/\A\+OK/, 'the last one of it';
	is pop3_from('192.168.66.16'), $REFUSED_POP3, 'the first one behind';
	for my $address ('203.0.113.6', '203.0.113.6/32') {
		$p->access('pop3');
		add('pop3', 'allow', $address);
		is_deeply rules('pop3'), ['allow 203.0.113.6'], $address;
		like pop3_from('203.0.113.6'), qr/\A\+OK/, 'serves that address';
		is pop3_from('203.0.113.7'), $REFUSED_POP3, 'and no other';
	}
};

subtest '09-1.4 what is no network' => sub {
	my $before = rules('pop3');
	is_rejected(qr/prefix "33"/, qw(access add --list pop3 allow 10.0.0.0/33));
	is_rejected(qr/address "10\.0\.0"/, qw(access add --list pop3 allow 10.0.0/8/8));
	is_rejected(qr/mask "255\.0\.255\.0"/, qw(access add --list pop3 allow 10.0.0.0/255.0.255.0));
	is_rejected(qr/no access list "pop9"/, qw(access add --list pop9 allow any));
	is_rejected(qr/no user "nobody"/, qw(access add --list pop3 allow any --users nobody));
	is_rejected(qr/allow or block/, qw(access add --list pop3 permit any));
	is_deeply rules('pop3'), $before, 'nothing is saved';
	defaults('pop3');
};

subtest '05-2.3 the texts of refusals' => sub {
	my $pop3 = $p->pop3(local => '203.0.113.5');
	is $pop3->greeting, $REFUSED_POP3, 'POP3';
	ok $pop3->is_closed, 'then the end';
	my $imap = $p->imap(local => '203.0.113.5', service => 'imaps');
	is $imap->greeting->{raw}, '* BYE Postroom IMAP4rev1 Server access not allowed!' . "\r\n", 'IMAP, under TLS';
};

subtest '05-2.4 the global list' => sub {
	$p->access('pop3', '1|2|203.0.113.0|24|0||');
	$p->access('global', '0|2|203.0.113.5|32|0||', '1|0||0|0||');
	like pop3_from('203.0.113.5'), qr/\A\+OK/, 'is not asked where the service has rules';
	$p->postroom_ok(qw(access set --list pop3 --use-global on));
	is pop3_from('203.0.113.5'), $REFUSED_POP3, 'unless the service says so';
	like pop3_from('203.0.113.6'), qr/\A\+OK/, 'whom both allow is served';
	$p->postroom_ok(qw(access set --list pop3 --use-global off));
	$p->access('pop3');
	is pop3_from('203.0.113.5'), $REFUSED_POP3, 'the service has no rules: the global ones count';
	$p->access('global');
	like pop3_from('203.0.113.5'), qr/\A\+OK/, 'no rules anywhere: everybody may connect';
	$p->access('smtp');
	is rcpt_from('203.0.113.5', 'x@example.net', 'anna'), $REFUSED, 'and nobody relays';
	defaults(qw(pop3 smtp));
};

subtest '05-2.5 GeoIP, and the data change while the server runs' => sub {
	write_file("$folder/f.csv", qq{"1.0.0.0","1.0.0.255","16777216","16777471","AU","Australia"\n}
		. qq{"203.0.113.0","203.0.113.255","3405803776","3405804031","XX","Examples"\n});
	$p->postroom_ok('geoip', 'importcsv', "$folder/f.csv", '125');
	$p->access('pop3', '1|0||0|0||');
	add('pop3', 'block', 'geoip:AU;NZ');
	is_deeply rules('pop3'), ['block geoip:AU,NZ', 'allow any'], 'the rules';
	is pop3_from('1.0.0.7'), $REFUSED_POP3, 'a listed range';
	like pop3_from('203.0.113.5'), qr/\A\+OK/, 'another one';
	$p->postroom_ok('geoip', 'delete', '1.0.0.7');
	like pop3_from('1.0.0.7'), qr/\A\+OK/, 'after its row is deleted';
};

subtest '05-2.6 a bad line changes nothing' => sub {
	write_file("$folder/g.csv", qq{"1.0.0.0","1.0.0.255","","","AU"\n"1.0.1.0","1.0.1.256","","","CN"\n});
	is_rejected(qr/line 2: "1\.0\.1\.256" is no IPv4 address/, 'geoip', 'importcsv', "$folder/g.csv", '125');
	$p->access('pop3', '0|100|XX|0|0||', '1|0||0|0||');
	is pop3_from('203.0.113.5'), $REFUSED_POP3, 'the earlier data apply';
	like pop3_from('1.0.0.7'), qr/\A\+OK/, 'alone';
	is_rejected(qr/three digits/, 'geoip', 'importcsv', "$folder/f.csv", '12');
};

# A file in MaxMind's format (its specification 2.0): one network of IPv4 and its country.
sub write_mmdb {
	my ($path, $network, $bits, $country) = @_;
	my $text = sub { chr(0x40 | length $_[0]) . $_[0] };
	my $map = sub { my (@pairs) = @_; chr(0xe0 | @pairs / 2) . join '', @pairs };
	my $short = sub { chr(0xa2) . pack 'n', $_[0] };
	my $prefix = substr unpack('B32', pack 'C4', split /\./, $network), 0, $bits;
	my $tree = '';
	for my $node (0 .. $bits - 1) {
		my $next = $node + 1 < $bits ? $node + 1 : $bits + 16;
		my @records = substr($prefix, $node, 1) ? ($bits, $next) : ($next, $bits);
		$tree .= join '', map { substr pack('N', $_), 1 } @records;
	}
	my $data = $map->($text->('country'), $map->($text->('iso_code'), $text->($country)));
	my $about = $map->(
		$text->('node_count'), chr(0xc4) . pack('N', $bits), $text->('record_size'), $short->(24), $text->('ip_version'), $short->(4),
		$text->('database_type'), $text->('Test'), $text->('languages'), "\x00\x04",
		$text->('binary_format_major_version'), $short->(2), $text->('binary_format_minor_version'), $short->(0),
		$text->('build_epoch'), "\x08\x02" . pack('Q>', 1), $text->('description'), "\xe0",
	);
	write_file("$path.new", $tree . "\0" x 16 . $data . "\xab\xcd\xefMaxMind.com" . $about);
	chmod 0644, "$path.new";
	rename "$path.new", $path or die "$path: $!\n";
}

subtest "GeoIP by files in MaxMind's format" => sub {
	write_mmdb("$folder/country.mmdb", '198.18.0.0', 24, 'ZZ');
	$p->set('geoip.files' => "$folder/country.mmdb");
	$p->access('pop3', '0|100|ZZ|0|0||', '1|0||0|0||');
	is pop3_from('198.18.0.7'), $REFUSED_POP3, 'its range';
	like pop3_from('203.0.113.5'), qr/\A\+OK/, 'another';
	write_mmdb("$folder/country.mmdb", '198.18.0.0', 24, 'YY');
	like pop3_from('198.18.0.7'), qr/\A\+OK/, 'a file that is replaced counts at once';
	defaults('pop3');
};

subtest '05-2.7 the interchange form' => sub {
	$p->postroom_ok({ stdin => "0\n1|0||1|0||" }, qw(access import --list pop3 -));
	is_deeply rules('pop3'), ['allow local'], 'one rule';
	is $p->postroom_ok(qw(access export --list pop3)), "0\n1|0||1|0||", 'comes back as it was';
	my $text = "1\n0|2|192.0.2.9|32|0||\n0|0||2|0||no way around\n1|23|2001:db8::|32|1||\n1|2|10.0.0.0|8|0|"
		. join("\t", user_id('anna'), user_id('paul')) . "|the office\n0|100|AU,NZ|0|0||\n1|2|0.0.0.0|0|1||";
	write_file("$folder/list", $text);
	$p->postroom_ok(qw(access import --open-relay --list smtp), "$folder/list");
	$p->postroom_ok(qw(access export --list smtp), "$folder/list.out");
	is Postroom::Process::read_file("$folder/list.out"), $text, 'a list of everything';
	is_rejected(qr/line 2: the prefix "99"/, { stdin => "0\n1|2|10.0.0.0|99|0||" }, qw(access import --list smtp -));
	is_rejected(qr/user number 999/, { stdin => "0\n1|0||0|0|999|" }, qw(access import --list smtp -));
	my $export = $p->postroom_ok('export');
	defaults('smtp');
	write_file("$folder/all", $export);
	like $p->postroom_ok('import', "$folder/all"), qr/access list smtp has the 6 rules of the text\n1 change\n/, 'in an export of everything';
	is $p->postroom_ok(qw(access export --list smtp)), $text, 'it is the same again';
	defaults(qw(smtp pop3));
};

subtest 'the networks of the machine are followed' => sub {
	my $found = $p->postroom_json('access', 'show-networks');
	is_deeply $found->{routers}, [$ROUTER], 'the router';
	is_deeply [sort grep { !/\Afe80/ } @{ $found->{local} }], ['127.0.0.0/8', '192.0.2.0/24', '::1'], 'the networks';
	is pop3_from('198.51.100.7'), $REFUSED_POP3, 'a foreign network';
	run_program(qw(ip address add 198.51.100.1/24 dev office));
	like pop3_from('198.51.100.7'), qr/\A\+OK/, 'is a local one once an interface has an address of it';
	run_program(qw(ip address del 198.51.100.1/24 dev office));
	is pop3_from('198.51.100.7'), $REFUSED_POP3, 'and no longer than that';
	run_program(qw(ip route del default));
	$p->access('pop3', '0|0||2|0||', '1|0||0|0||');
	like pop3_from($ROUTER), qr/\A\+OK/, 'without a default route there is no router';
	run_program(qw(ip route add local 192.0.2.1/32 dev lo));
	defaults('pop3');
};

subtest '05-5.2 a rule for a user' => sub {
	add('smtp', 'allow', 'any', '--users', 'paul');
	is rcpt_from('203.0.113.5', 'x@example.net'), $LOGIN_FIRST, 'without a login';
	is rcpt_from('203.0.113.5', 'x@example.net', 'paul'), '250 2.1.5 OK', 'paul';
	is rcpt_from('203.0.113.5', 'x@example.net', 'anna'), $REFUSED, 'anna';
	is rcpt_from('203.0.113.5', "anna\@$domain"), '250 2.1.5 OK', 'local mail is welcome';
	defaults('smtp');
};

subtest '05-5.3 a rule that needs no login' => sub {
	add('smtp', 'allow', '192.168.66.0/24', '--unauth');
	is rcpt_from('192.168.66.9', 'x@example.net'), '250 2.1.5 OK', 'from there';
	is rcpt_from('192.168.72.9', 'x@example.net'), $REFUSED, 'not from elsewhere';
	my $smtp = $p->smtp(local => '192.168.66.9');
	like $smtp->send_message("anna\@$domain", ['x@example.net'], "Subject: x\n\nx\n"), qr/\A250/, 'the message is taken';
	$p->wait_for(sub { grep { $_->{recipients}[0]{address} eq 'x@example.net' } @{ $p->queue } }, 'it waits: its right to go is believed');
	$p->postroom_ok('queue', 'delete', '--all');
	defaults('smtp');
};

subtest '01-20.3 who may send where' => sub {
	my ($local, $remote) = ("anna\@$domain", 'x@example.net');
	add('smtp', 'block', '198.18.0.0/24');
	add('smtp', 'allow', '192.168.66.0/24', '--unauth');
	add('smtp', 'allow', '192.168.72.0/24', '--users', 'paul');
	my $ok = '250 2.1.5 OK';
	for (['a rule that blocks', '198.18.0.7', undef, $ok, $REFUSED], ['no rule', '203.0.113.5', undef, $ok, $REFUSED],
		['no rule, logged in', '203.0.113.5', 'paul', $ok, $REFUSED],
		['a login is needed', '192.168.72.9', undef, $ok, $LOGIN_FIRST], ['no login is needed', '192.168.66.9', undef, $ok, $ok],
		['logged in as one of the rule', '192.168.72.9', 'paul', $ok, $ok],
		['logged in as somebody else', '192.168.72.9', 'anna', $ok, $REFUSED]) {
		my ($what, $address, $user, @expected) = @$_;
		is_deeply [map { rcpt_from($address, $_, $user) } $local, $remote], \@expected, $what;
	}
	defaults('smtp');
};

subtest '01-20.4 an open relay is made only by who means it' => sub {
	my $before = rules('smtp');
	my @open = ([qw(access add --list smtp allow any --unauth)], [qw(access add --list smtp allow 0.0.0.0/0 --unauth)],
		[{ stdin => "0\n1|2|0.0.0.0|0|1||" }, qw(access import --list smtp -)]);
	is_rejected(qr/open relay.*--open-relay/s, @$_) for @open;
	$p->set('smtp.require-auth' => 'off');
	is_rejected(qr/open relay/, qw(access add --list smtp allow any6));
	$p->set('smtp.require-auth' => 'on');
	is_deeply rules('smtp'), $before, 'the list is what it was';
	isnt rcpt_from('203.0.113.5', 'x@example.net'), '250 2.1.5 OK', 'and nothing is open';
	$p->postroom_ok(qw(access add --list smtp allow any --unauth --open-relay));
	is rcpt_from('203.0.113.5', 'x@example.net'), '250 2.1.5 OK', 'who means it has it';
	$p->postroom_ok(qw(access add --list pop3 allow any --unauth));
	defaults(qw(smtp pop3));
};

subtest '01-20.6 defaults' => sub {
	for my $list (qw(pop3 imap)) {
		$p->access($list, '0|0||2|0||', '1|2|203.0.113.0|24|0||');
		add($list, 'allow', 'any');
		defaults($list);
		is_deeply rules($list), ['block routers', 'allow local'], $list;
	}
	add('smtp', 'block', 'local');
	defaults('smtp');
	is_deeply [grep { !/127\.0\.0|::1/ } @{ rules('smtp') }], ['block routers', 'allow local'], 'smtp, but for this machine';
};

subtest '05-5.4 a login whose password crosses in clear' => sub {
	$p->set('smtp.require-encrypted-auth' => 'on');
	my $smtp = $p->smtp;
	$smtp->ehlo;
	is $smtp->auth('LOGIN', 'anna', 'anna-secret'), 538, 'LOGIN in clear is refused';
	is $smtp->auth('SCRAM-SHA-256', 'anna', 'anna-secret'), 235, 'SCRAM is not';
	$smtp = $p->smtp;
	$smtp->ehlo;
	$smtp->starttls;
	$smtp->ehlo;
	is $smtp->auth('LOGIN', 'anna', 'anna-secret'), 235, 'nor is LOGIN under TLS';
	$p->postroom_ok('unset', 'smtp.require-encrypted-auth');
};

subtest '05-5.6 mode none: who is not in the list cannot connect' => sub {
	$p->set('smtp.relay-check' => 'none');
	is rcpt_from('203.0.113.5', "anna\@$domain"), '554 5.7.1 Postroom Server access not allowed!', 'not even for local mail';
	$p->access('smtp', '1|2|203.0.113.0|24|0|' . user_id('paul') . '|', '1|2|192.168.66.0|24|1||');
	is rcpt_from('203.0.113.5', 'x@example.net'), $LOGIN_FIRST, 'who is in it needs a login';
	is rcpt_from('203.0.113.5', 'x@example.net', 'paul'), '250 2.1.5 OK', 'has one';
	is rcpt_from('203.0.113.5', 'x@example.net', 'anna'), '535 5.7.8 Authentication failed', 'others fail to log in';
	is rcpt_from('192.168.66.9', 'x@example.net'), '250 2.1.5 OK', 'a rule that needs no login';
	$p->set('smtp.require-auth' => 'off');
	is rcpt_from('203.0.113.5', 'x@example.net'), '250 2.1.5 OK', 'no login is needed at all';
	$p->set('smtp.require-auth' => 'on');
};

subtest 'modes sender and interface' => sub {
	$p->access('smtp', '1|2|203.0.113.0|24|1||');
	$p->set('smtp.relay-check' => 'sender');
	is rcpt_from('203.0.113.5', 'x@example.net'), '550 5.7.1 Relaying not allowed! Bad sender address', 'a foreign sender';
	is rcpt_from('203.0.113.5', 'x@example.net', undef, from => ''), '550 5.7.1 Relaying not allowed! Bad sender address', 'none';
	is rcpt_from('203.0.113.5', 'x@example.net', undef, from => "anna\@$domain"), '250 2.1.5 OK', 'a local one';
	$p->set('smtp.relay-check' => 'interface', 'smtp.lan-interfaces' => 'office');
	is rcpt_from('203.0.113.5', 'x@example.net'), $REFUSED, 'by another interface';
	is rcpt_from('203.0.113.5', "anna\@$domain"), '250 2.1.5 OK', 'for local mail it is good enough';
	$p->set('smtp.lan-interfaces' => 'office, lo');
	is rcpt_from('203.0.113.5', 'x@example.net'), '250 2.1.5 OK', 'by one that is named';
	$p->set('smtp.relay-check' => 'address');
	defaults('smtp');
};

subtest 'incoming mail may need a login, too' => sub {
	$p->set('smtp.incoming-without-auth' => 'off');
	is rcpt_from('203.0.113.5', "anna\@$domain"), $LOGIN_FIRST, 'without one';
	is rcpt_from('203.0.113.5', "anna\@$domain", 'anna'), '250 2.1.5 OK', 'with one';
	is rcpt_from('127.0.0.1', "anna\@$domain"), '250 2.1.5 OK', 'from an address that needs none';
	$p->set('smtp.incoming-without-auth' => 'on');
};

sub ask_from {
	my ($address, @commands) = @_;
	my $smtp = $p->smtp(local => $address);
	$smtp->ehlo;
	return map { $smtp->cmd($_); $smtp->last } @commands;
}

subtest '05-9.1 VRFY and EXPN are off' => sub {
	like $_, qr/\A502 5\.5\.1 /, 'not implemented' for ask_from('127.0.0.1', 'VRFY paul', 'EXPN paul');
	my $smtp = $p->smtp;
	$smtp->ehlo;
	unlike $smtp->last, qr/VRFY|EXPN/, 'nor announced';
};

subtest '05-9.2 05-9.3 05-9.4 VRFY and EXPN by their own list' => sub {
	$p->postroom_ok('mapping', 'add', 'staff', $_) for qw(anna paul);
	$p->set('smtp.vrfy' => 'on');
	is_deeply [ask_from('127.0.0.1', 'VRFY paul')], ['550 5.7.1 Access denied'], 'the list has no rules';
	add('vrfy:smtp', 'allow', '192.168.66.0/24');
	is_deeply [ask_from('192.168.66.9', 'VRFY paul', "VRFY <paul\@$domain>", 'EXPN paul', 'VRFY staff')],
		[("250 2.1.5 <paul\@$domain>") x 3, "250 2.1.5 <staff\@$domain>"], 'from there';
	my $smtp = $p->smtp(local => '192.168.66.9');
	$smtp->ehlo;
	like $smtp->last, qr/^250-VRFY\n250-EXPN$/m, 'announced there';
	my ($members) = ask_from('192.168.66.9', 'EXPN staff');
	is_deeply [sort $members =~ /<(.*?)>/g], ["anna\@$domain", "paul\@$domain"], 'a line for each member';
	like $_, qr/\A550 5\.1\.1 /, 'unknown' for ask_from('192.168.66.9', 'VRFY nobody', 'EXPN nobody', 'VRFY x@elsewhere.test');
	like $_, qr/\A501 /, 'no name' for ask_from('192.168.66.9', 'VRFY', 'EXPN', 'VRFY a b', 'VRFY a@b@c');
	my @elsewhere = ask_from('203.0.113.5', 'VRFY paul', 'VRFY nobody', 'EXPN staff', 'EXPN nobody');
	is_deeply \@elsewhere, [('550 5.7.1 Access denied') x 4], 'from elsewhere, whoever is asked for';
	$p->set('smtp.vrfy' => 'off');
};

subtest 'what an earlier version had set' => sub {
	$p->stop_running;
	run_program('sqlite3', "$p->{dir}/state/config/config.db",
		"DELETE FROM access_rule; DELETE FROM access_list;"
		. " INSERT INTO setting VALUES('relay-networks', '192.168.66.0/24,::1'), ('access.networks', '203.0.113.0/24')");
	$p->run;
	is_deeply rules('smtp'), ['allow ::1', 'allow 192.168.66.0/24', 'allow any'], 'relay networks are rules of SMTP';
	is_deeply rules('imaps'), ['allow 203.0.113.0/24'], 'networks for mailboxes those of POP3 and IMAP';
	is rcpt_from('192.168.66.9', 'x@example.net'), '250 2.1.5 OK', 'who could send without a login still can';
	is rcpt_from('198.51.100.7', 'x@example.net', 'anna'), '250 2.1.5 OK', 'others with one';
	like pop3_from('203.0.113.5'), qr/\A\+OK/, 'mailboxes are for the same networks';
	is pop3_from('192.168.66.9'), $REFUSED_POP3, 'and for no others';
	is scalar(($p->postroom('get', 'relay-networks'))[0]), 1, 'the old settings are gone';
	unlike $p->postroom_ok('export'), qr/relay-networks|access\.networks/, 'from exports, too';
};

$p->stop;
done_testing;
