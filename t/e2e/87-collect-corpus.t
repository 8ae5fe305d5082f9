#!/usr/bin/perl
# Real mail in one catch-all mailbox of a Dovecot, collected for fifty users. Who is to get what is worked out here, in
# another way than the server does it: by taking texts apart with regular expressions.
use strict;
use warnings;
use lib 't/lib';
use File::Temp qw(tempdir);
use Postroom::Corpus qw(corpus_messages);
use Postroom::Need qw(need_corpus need_program);
use Postroom::Peer;
use Postroom::Ports;
use Postroom::Process qw(write_file);
use Postroom::Test;
use Test::More;

need_program('dovecot');
my @domains = qw(*.org *.com *.net linux.ie);
my $all = corpus_messages(need_corpus());
my @names = (sort keys %$all)[0 .. 1999];
my @messages = map { $all->{$_} } @names;

# The fields of a header, unfolded: pairs of a name in lower case and a value.
sub fields {
	my ($message) = @_;
	my ($header) = $message =~ /\A(.*?\r\n)(?:\r\n|\z)/s;
	$header =~ s/\r\n(?=[ \t])//g;
	return map { /\A([^\s:]+)[ \t]*:[ \t]*(.*?)\s*\z/s ? [lc $1, $2] : () } split /\r\n/, $header;
}

# Without comments (which may hold others) and quoted strings.
sub bare {
	my ($text) = @_;
	$text =~ s/"(?:[^"\\]|\\.)*"/ /g;
	1 while $text =~ s/\([^()]*\)/ /;
	return $text;
}

sub is_ours { return $_[0] =~ /\@(?:[\w.-]+\.(?:org|com|net)|linux\.ie)\z/i }

# What stands in To, Cc and Apparently-To, of our domains.
sub standard {
	my @found;
	for my $field (grep { $_->[0] =~ /\A(?:to|cc|apparently-to)\z/ } @_) {
		for my $element (split /[,;]/, bare($field->[1])) {
			my $address = $element =~ /<([^<>]*)>/ ? $1 : $element;
			push @found, $1 if $address =~ /([^\s<>@,;:]+\@[\w.-]+)/;
		}
	}
	return grep { is_ours($_) } @found;
}

# What Received fields say behind "for": the last of them that names one of ours.
sub received {
	for my $field (reverse grep { $_->[0] eq 'received' } @_) {
		my ($words) = bare($field->[1]) =~ /\A([^;]*)/;
		return ($1) if $words =~ /(?:\A|\s)for\s+<?([^\s<>;]+\@[^\s<>;]+)/i && is_ours($1);
	}
	return ();
}

# The fifty names that are most often written to.
my %count;
for my $message (@messages) {
	my @fields = fields($message);
	$count{ lc((split /\@/)[0]) }++ for standard(@fields), received(@fields);
}
my @users = (sort { $count{$b} <=> $count{$a} || $a cmp $b } grep { /\A[a-z][a-z0-9-]*\z/ } keys %count)[0 .. 49];
my %account = ((map { $_ => $_ } @users), postmaster => 'postmaster', abuse => 'postmaster');

sub accounts {
	return grep { defined } map { $account{ lc((split /\@/)[0]) } } @_;
}

# Who gets a message: the rules first, then the header, then whom the settings name for the rest.
sub expected {
	my ($message) = @_;
	my @fields = fields($message);
	my $has = sub { my ($name, $text) = @_; return grep { $_->[0] eq $name && index(lc $_->[1], $text) >= 0 } @fields };
	my @found = accounts(standard(@fields));
	@found = accounts(received(@fields)) if !@found;
	return ('redirected') if $has->('subject', 'spambayes') || $has->('list-id', 'exmh-users');
	push @found, 'copied' if $has->('subject', '[ilug]');
	@found = ('lost') if !@found;
	return keys %{ { map { $_ => 1 } @found } };
}

my $maildir = tempdir('postroom-maildir-XXXXXX', DIR => $Postroom::Process::SCRATCH, CLEANUP => 1);
chmod 0755, $maildir;
mkdir "$maildir/$_" for qw(cur new tmp);
for my $i (0 .. $#messages) {
	(my $text = "X-Corpus: $i\r\n$messages[$i]") =~ s/\r\n/\n/g;
	write_file(sprintf('%s/cur/%d.%05d.corpus:2,', $maildir, 1700000000 + $i, $i), $text);
}
my ($uid, $gid) = (getpwnam 'nobody')[2, 3];
chown $uid, $gid, $_ for $maildir, glob "$maildir/* $maildir/cur/*";
my $port = Postroom::Ports::port('127.0.0.1');
my $dovecot = Postroom::Peer->dovecot(user => 'box', password => 'secret', port => $port, maildir => $maildir);

my $p = Postroom::Test->start(set => { 'lists.mappings-first' => 'off' });
my @all_users = (@users, qw(copied redirected lost));
$p->postroom_ok({ stdin => join '', map { "$_,$_-secret\n" } @all_users }, 'user', 'import', '--columns', 'name,password', '-');
$p->postroom_ok('connection', 'add', 'far');
$p->postroom_ok('collector', 'add', 'isp', '--connections', 'far');
$p->postroom_ok({ stdin => "secret\n" }, 'collector', 'set', 'isp', '--password-stdin', 'pop3.server', '127.0.0.1',
	'pop3.port', $port, 'pop3.username', 'box', 'accepted-domains', join('; ', @domains), 'rules', 'on',
	'error', 'message-address', 'error-target', 'lost');
$p->postroom_ok('download-rule', 'add', '--action', 'redirect', '--parameter', 'redirected', '--match', 'any',
	'--condition', 'Subject contains spambayes', '--condition', 'List-Id contains exmh-users');
$p->postroom_ok('download-rule', 'add', '--action', 'copy', '--parameter', 'copied', '--condition', 'Subject contains [ilug]');

my (undef, $out, $err) = $p->postroom({ timeout => 120 }, 'collector', 'run', 'isp', '--wait');
like "$out$err", qr/2000 messages/, 'two thousand messages are collected';
$p->wait_for(sub { my @left = map { glob $p->dir . "/spool/$_" } 'active/*', '*/new/*'; !@left }, 'the spool is empty', 60);

# The numbers of the messages in a user's INBOX.
sub found {
	my ($user) = @_;
	my $imap = $p->imap;
	$imap->login($user, $user eq 'postmaster' ? $p->password : "$user-secret");
	$imap->cmd('SELECT INBOX');
	$imap->cmd('FETCH 1:* (BODY.PEEK[HEADER.FIELDS (X-Corpus)])');
	my @numbers = map { $_->{raw} =~ /^X-Corpus: (\d+)/m ? $1 : () } $imap->untagged('FETCH');
	$imap->logout;
	return @numbers;
}

my (%wanted, %got);
for my $i (0 .. $#messages) {
	push @{ $wanted{$_} }, $i for expected($messages[$i]);
}
for my $user (@all_users, 'postmaster') {
	my @numbers = sort { $a <=> $b } found($user);
	my $expected = $wanted{$user} // [];
	my %left = map { $_ => 1 } @numbers;
	my @missing = grep { !delete $left{$_} } @$expected;
	is_deeply \@numbers, $expected, "$user has " . @$expected
		or diag "missing: @names[@missing]\ntoo many: @names[sort { $a <=> $b } keys %left]";
}
ok @{ $wanted{$_} } > 10, "$_ has some" for qw(copied redirected lost);

my @left = glob "$maildir/cur/* $maildir/new/*";
is @left, 0, 'nothing is left at the server';
$dovecot->stop;
$p->finish;
done_testing;
