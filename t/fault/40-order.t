#!/usr/bin/perl
# The order of what is written, synced, named and answered, seen in the system calls of real sessions.
use strict;
use warnings;
use lib 't/lib';
use Postroom::SmtpServer;
use Postroom::Test;
use Postroom::Trace qw(need_trace);
use Test::More;

need_trace();

my @CALLS = qw(write pwrite64 writev openat fdatasync fsync syncfs linkat rename renameat renameat2 unlink unlinkat
	sendto sendmsg recvmsg);

my %users = (anna => 'anna-secret', bert => 'bert-secret');
my $p = Postroom::Test->start(users => \%users);

sub send_message {
	my ($text, @to) = @_;
	my $smtp = $p->smtp;
	my $reply = $smtp->send_message('a@b.test', [map { "$_\@" . $p->domain } @to], $text);
	my ($id) = $reply =~ /queued as (\S+)/ or die "not queued: $reply\n";
	$smtp->quit;
	return $id;
}

# The first call of a name whose arguments match, begun at or after the end of another.
sub first_after {
	my ($calls, $after, $name, $pattern) = @_;
	for my $call (@$calls) {
		return $call if $call->{begin} > $after && $call->{name} =~ /\A(?:$name)\z/ && $call->{arguments} =~ $pattern;
	}
	return;
}

sub last_of {
	my ($calls, $name, $pattern) = @_;
	my ($last) = grep { $_->{name} =~ /\A(?:$name)\z/ && $_->{arguments} =~ $pattern } reverse @$calls;
	return $last;
}

# Each step [what, call] must have succeeded and ended before the next one began.
sub in_order {
	my @steps = @_;
	for my $i (0 .. $#steps) {
		my ($what, $call) = @{ $steps[$i] };
		if (!ok $call, "$what is there") {
			return;
		}
		unlike $call->{result}, qr/\A-1/, "$what succeeded";
		cmp_ok $steps[$i - 1][1]{end}, '<', $call->{begin}, "$steps[$i - 1][0], then $what" if $i > 0;
	}
}

sub traced {
	my ($daemons, $work) = @_;
	my $trace = Postroom::Trace->attach([map { $p->pids($_) } @$daemons], calls => \@CALLS);
	my $result = $work->();
	$trace->detach;
	return ($result, $trace->calls);
}

sub delivered {
	my ($id) = @_;
	$p->wait_log(qr/queue-manager\[\d+\]: info: id=\Q$id\E removed/);
	return $id;
}

for my $size (10, 100_000) {
	subtest "smtpd answers 250 when data and name are on disk ($size lines)" => sub {
		my ($id, @calls) = traced(['smtpd'], sub { send_message("Subject: x\n\n" . "text\n" x $size, 'anna') });
		my $link = last_of(\@calls, 'linkat', qr/\b\Q$id\E\b/);
		my ($fd, $number) = ($link->{arguments} // '') =~ m{/proc/self/fd/(\d+)};
		my @session = grep { $_->{pid} == $link->{pid} } @calls;
		my $file = qr/\A$fd</;
		my $sync = last_of(\@session, 'fdatasync|fsync', $file);
		my $folder_sync = last_of(\@session, 'fsync', qr{/spool/smtpd/new>});
		my $answer = last_of(\@session, 'write|sendto|sendmsg|writev', qr/250 2\.0\.0 OK - queued as/);
		in_order(['the last write', last_of(\@session, 'write|pwrite64|writev', $file)],
			['the sync of the data', $sync], ['the name', $link],
			['the sync of the folder', $folder_sync], ['250', $answer]);
		delivered($id);
	};
}

subtest 'deliver answers when data, name and row are on disk; then the spool file goes' => sub {
	my ($id, @calls) = traced(['deliver', 'queue-manager'],
		sub { return delivered(send_message("Subject: x\n\ntext\n", 'anna')) });
	my $rename = last_of(\@calls, 'rename|renameat|renameat2', qr{/mail/\d+/\d+/msg/.*\b\Q$id\E\b});
	my @deliver = grep { $_->{pid} == ($rename->{pid} // 0) } @calls;
	my $file = qr{</[^>]*/msg/[^>]*\Q$id\E>};
	my $folder_sync = first_after(\@deliver, $rename->{end}, 'fsync', qr{/msg/\d+/\d+>});
	my $row = first_after(\@deliver, $folder_sync->{end}, 'pwrite64', qr{index\.db-wal>});
	my $row_last = $row;
	for my $call (@deliver) {
		last if $call->{name} eq 'sendmsg' && $call->{begin} > $row->{end};
		$row_last = $call if $call->{name} eq 'pwrite64' && $call->{arguments} =~ /index\.db-wal>/;
	}
	my $row_sync = first_after(\@deliver, $row_last->{end}, 'fdatasync|fsync', qr{index\.db-wal>});
	my $answer = first_after(\@deliver, $row->{end}, 'sendmsg|sendto|write', qr/delivered|status/);
	my $removal = last_of(\@calls, 'unlinkat', qr/\b\Q$id\E\b/);
	isnt $removal->{pid}, $rename->{pid}, 'two processes';
	in_order(['the last write', last_of(\@deliver, 'write|pwrite64|writev', $file)],
		['the sync of the data', last_of(\@deliver, 'fdatasync|fsync', $file)], ['the name', $rename],
		['the sync of the folder', $folder_sync], ['the last write of the rows', $row_last], ['their sync', $row_sync],
		['the answer', $answer], ['the removal from the spool', $removal]);
};

subtest 'several recipients: one sync of the file system, then the names' => sub {
	my ($id, @calls) = traced(['deliver'],
		sub { return delivered(send_message("Subject: x\n\ntext\n", 'anna', 'bert')) });
	my @names = grep { $_->{name} =~ /\A(?:linkat|renameat2?)\z/ && $_->{arguments} =~ /\b\Q$id\E\b/ } @calls;
	my $file = qr{</[^>]*/msg/[^>]*\Q$id\E>};
	my $sync = first_after(\@calls, 0, 'syncfs', qr/./) // last_of(\@calls, 'fdatasync|fsync', $file);
	my ($first) = grep { $_->{arguments} !~ /"\.[^"]*",[^"]*"\./ } @names;
	is scalar(grep { $_->{result} eq '0' } @names) >= 2, 1, 'two names';
	in_order(['the last write', last_of(\@calls, 'write|pwrite64|writev', $file)], ['the sync', $sync],
		['the first name', $first]);
};

subtest 'a remote message has a row before it is sent, and its result one before the spool file goes' => sub {
	my $server = Postroom::SmtpServer->start(name => 'relay.test');
	$p->postroom_ok('sender', 'set', 'default', '--method', 'relay', '--servers', $server->address,
		'--encryption', 'none');
	my ($id, @calls) = traced(['queue-manager'], sub {
		my $smtp = $p->smtp;
		my ($queued) = $smtp->send_message('', ['x@remote.test'], "Subject: x\n\ntext\n") =~ /queued as (\S+)/;
		return delivered($queued);
	});
	my $wal = qr{queue\.db-wal>};
	my $taken = last_of(\@calls, 'renameat2', qr/\b\Q$id\E\b/);
	my $active_sync = first_after(\@calls, $taken->{end}, 'fsync', qr{/spool/active>});
	my $question = first_after(\@calls, $taken->{end}, 'sendmsg', qr/SCM_RIGHTS/);
	my @rows = grep { $_->{name} eq 'pwrite64' && $_->{arguments} =~ $wal } @calls;
	my ($row) = grep { $_->{end} < $question->{begin} } reverse @rows;
	my $removal = last_of(\@calls, 'unlinkat', qr/\b\Q$id\E\b/);
	my ($result) = grep { $_->{end} < $removal->{begin} } reverse @rows;
	in_order(['the move into active/', $taken], ['the sync of its name', $active_sync], ['the row', $row],
		['its sync', first_after(\@calls, $row->{end}, 'fdatasync|fsync', $wal)], ['the question to sender', $question],
		['the result in the row', $result], ['its sync', first_after(\@calls, $result->{end}, 'fdatasync|fsync', $wal)],
		['the removal from the spool', $removal]);
};

$p->stop;
done_testing;
