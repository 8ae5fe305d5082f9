#!/usr/bin/perl
# `make install` puts everything in its place, and what it puts there works where it lies.
use strict;
use warnings;
use lib 't/lib';
use File::Find;
use File::Temp qw(tempdir);
use Postroom::Need qw(need_program find_program);
use Postroom::Process qw(run_program read_file);
use Postroom::Test;
use Test::More;

need_program('make');
my $root = tempdir('postroom-test-XXXXXX', DIR => $> == 0 ? '/var/tmp' : '/tmp', CLEANUP => 1);
chmod 0755, $root;
my $build = Postroom::Test::build_folder();
local $ENV{SAN} = 1 if $build =~ /san/;
delete @ENV{qw(MAKEFLAGS MAKELEVEL)};
my ($status, $out, $err) = run_program({ timeout => 300 }, 'make', 'install', "BUILD=$build", "DESTDIR=$root", 'PREFIX=/usr');
is $status, 0, 'make install' or BAIL_OUT("$out$err");

my @daemons = qw(authd brokerd collector configd deliver dnsd fetchd filterd historyd imap-login imapd lfwd listd mingerd noticed policyd pop3-login pop3d queue-manager reporter resolver scheduler sender signer smtpd statusd webadmin);

subtest 'everything is in its place' => sub {
	for my $program (map({ "bin/$_" } qw(postroom sendmail mailq)), map { "libexec/postroom/$_" } @daemons) {
		ok -x "$root/usr/$program", $program;
	}
	for my $page (qw(man1/postroom.1 man1/sendmail.1 man1/mailq.1 man5/postroom.conf.5 man5/postroom-settings.5
		man5/postroom-lists.5 man5/postroom-attributes.5),
		map { "man8/$_.8" } @daemons) {
		ok -f "$root/usr/share/man/$page", $page;
	}
	for my $file (qw(lib/systemd/system/postroom.target lib/sysusers.d/postroom.conf lib/tmpfiles.d/postroom.conf
		share/doc/postroom/README.md share/doc/postroom/LICENSE share/postroom/web/admin/index.html
		share/postroom/web/mail/index.html share/postroom/web/lng/en.lng.gz share/postroom/web/vendor/preact.js)) {
		ok -f "$root/usr/$file", $file;
	}
	my @wrong;
	find({ no_chdir => 1, wanted => sub {
		my @stat = stat;
		return if -l;
		push @wrong, $_ if $stat[2] & 022 || ($stat[2] & 0444) != 0444;
		push @wrong, "$_ names the build's folders" if /\.(?:service|socket|target|conf)\z/ && read_file($_) =~ /\@PREFIX\@|\Q$root\E/;
	} }, "$root/usr");
	is_deeply \@wrong, [], 'all can be read by everybody and changed by its owner alone';
};

subtest 'the manual pages are well-formed' => sub {
	plan skip_all => 'needs the program mandoc' if !find_program('mandoc');
	my ($status, $out, $err) = run_program('mandoc', '-T', 'lint', '-W', 'warning', glob "$root/usr/share/man/man?/*");
	is "$out$err", '', 'mandoc finds nothing';
};

subtest 'the installed programs work' => sub {
	for my $program ("$root/usr/bin/postroom", map { "$root/usr/libexec/postroom/$_" } @daemons) {
		my ($status, $out) = run_program($program, '--version');
		is $status, 0, "$program --version" =~ s{\Q$root\E}{}r;
		like $out, qr/\d+\.\d+/, 'prints one';
	}
	local $ENV{POSTROOM_BUILD} = "$root/usr";
	my $p = Postroom::Test->start(users => { anna => 'anna-secret' });
	for my $pid ($p->main_pid('smtpd')) {
		is readlink("/proc/$pid/exe"), "$root/usr/libexec/postroom/smtpd", 'it starts its own daemons' if $> == 0;
	}
	my ($status, undef, $err) = run_program({ stdin => "Subject: installed\n\nx\n" }, "$root/usr/bin/sendmail", '-C', $p->dir, 'anna');
	is $status, 0, 'sendmail' or diag $err;
	my $text;
	$p->wait_for(sub {
		my $pop3 = $p->pop3;
		$pop3->login('anna', 'anna-secret');
		$text = $pop3->retr(1);
		$pop3->quit;
		return $text;
	}, 'the message for anna', 20);
	like $text, qr/^Subject: installed\r$/m, 'arrives';
	is +(run_program("$root/usr/bin/mailq", '-C', $p->dir))[0], 0, 'mailq';
	$p->stop;
};

done_testing;
