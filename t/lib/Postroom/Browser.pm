package Postroom::Browser;

=head1 NAME

Postroom::Browser - let a script drive a browser against an instance, and take its findings as tests

=head1 SYNOPSIS

    use Postroom::Browser qw(browse need_browser);

    need_browser();
    my $p = Postroom::Test->start(users => { anna => 'secret' });
    browse($p, 't/web/users.mjs', { anna => 'secret' });
    $p->stop;
    done_testing;

=head1 DESCRIPTION

C<browse($instance, $script, \%given)> runs the module C<$script> in Node.js with Debian's Chromium (t/web/run.mjs says what a
script may use). Each test of the script is a subtest here. One in which the browser's console says a warning or an error, in
which a page throws, or in which a request goes to another host, fails.

C<need_browser()> skips the whole file where Chromium or Node.js is missing, as C<need_program>; C<scripts/deps check> installs
them. C<POSTROOM_PICTURES=FOLDER> keeps the pictures that scripts take.

=cut

use strict;
use warnings;
use Cwd qw(abs_path);
use Exporter 'import';
use File::Temp qw(tempdir);
use JSON::PP;
use Postroom::Need qw(need_program);
use Postroom::Process qw(run_program);
use Test::More;

our @EXPORT_OK = qw(browse need_browser);

my $BUILD = $ENV{POSTROOM_BUILD} // 'build';

sub need_browser {
	need_program('chromium', 'node', 'npm');
	my ($status, undef, $err) = run_program({ timeout => 300 }, 'scripts/web-libraries', 'tests', "$BUILD/npm/tests");
	$status == 0 or BAIL_OUT("scripts/web-libraries: $err");
}

# What the script said, line by line, as tests: "test NAME", "ok TEXT", "not ok TEXT", "# TEXT", "end".
sub tell_tests {
	my ($out) = @_;
	my ($name, @lines);
	for my $line (split /\n/, $out) {
		if ($line =~ /\Atest (.*)/) {
			($name, @lines) = $1;
		} elsif ($line eq 'end') {
			my @said = @lines;
			subtest $name => sub {
				for my $one (@said) {
					if ($one =~ /\A(not )?ok (.*)/) {
						ok(!$1, $2);
					} else {
						diag($one =~ s/\A# //r);
					}
				}
				done_testing;
			};
			$name = undef;
		} else {
			push @lines, $line;
		}
	}
	ok(!defined $name, 'the script came to its end' . (defined $name ? ", not amid '$name'" : '')) or diag(@lines);
}

sub browse {
	my ($p, $script, $given) = @_;
	my $folder = tempdir('postroom-browser-XXXXXX', TMPDIR => 1, CLEANUP => 1);
	my %told = (
		url => 'http://' . $p->host . ':' . $p->port('web'),
		password => $p->password,
		program => [abs_path($p->program), '-C', $p->dir],
		dir => $p->dir,
		ports => { map { $_ => $p->port($_) } qw(smtp submission imap pop3) },
		libraries => abs_path("$BUILD/npm/tests"),
		pictures => $ENV{POSTROOM_PICTURES} // "$folder/pictures",
		scratch => $folder,
		patience => $ENV{POSTROOM_PATIENCE} // 1,
		given => $given // {},
	);
	my ($status, $out, $err) = run_program({ timeout => 240, stdin => JSON::PP->new->encode(\%told) }, 'node',
		't/web/run.mjs', abs_path($script));
	tell_tests($out);
	is($status, 0, "$script ends well") or diag($err);
}

1;
