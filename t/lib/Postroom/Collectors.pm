package Postroom::Collectors;

=head1 NAME

Postroom::Collectors - collectors of an instance: made, and run by hand

=head1 SYNOPSIS

    add_collector($p, 'far', imap => $port, password => 'secret', 'imap.folders' => "INBOX\nSpam");
    is run_collector($p, 'far'), 'Connection successful, 3 messages';

=head1 DESCRIPTION

=over

=item add_collector($p, $name, $protocol => $port, password => $password, %settings)

One that fetches the mailbox "box" at 127.0.0.1 in clear by C<pop3> or C<imap>, for the user fred where the settings do
not say otherwise.

=item run_collector($p, $name)

Runs it, waits for its end, and returns what the command said; in list context its exit status before that.

=back

=cut

use strict;
use warnings;
use Exporter 'import';

our @EXPORT_OK = qw(add_collector run_collector);

sub add_collector {
	my ($p, $name, $protocol, $port, %settings) = @_;
	my $password = delete $settings{password};
	$p->postroom_ok({ stdin => "$password\n" }, 'collector', 'add', $name, '--method', $protocol, '--password-stdin',
		"$protocol.server" => '127.0.0.1', "$protocol.port" => $port, "$protocol.username" => 'box', "$protocol.encryption" => 'none',
		route => 'user', target => 'fred', %settings);
	return;
}

sub run_collector {
	my ($p, $name) = @_;
	my ($status, $out, $err) = $p->postroom('collector', 'run', $name, '--wait');
	chomp($out, $err);
	return wantarray ? ($status, $out . $err) : $out . $err;
}

1;
