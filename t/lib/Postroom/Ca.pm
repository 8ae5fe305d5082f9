package Postroom::Ca;

=head1 NAME

Postroom::Ca - a certificate authority of a test

=head1 SYNOPSIS

    my $ca = Postroom::Ca->new;
    local $ENV{SSL_CERT_FILE} = $ca->file;             # before the instance starts: it trusts this one alone
    my $pair = $ca->issue('mx.remote.test');            # [chain file, key file]
    my $old = $ca->issue('mx.remote.test', days => -1); # expired
    $ca->tlsa($pair->[0], 3, 1, 1);                     # "3 1 1 0123...": the record of a certificate

=cut

use strict;
use warnings;
use Digest::SHA qw(sha256_hex sha512_hex);
use File::Temp;
use Postroom::Process qw(run_program write_file);

sub new {
	my ($class) = @_;
	my $self = bless { folder => File::Temp->newdir('postroom-ca-XXXXXX', TMPDIR => 1), count => 0 }, $class;
	chmod 0755, $self->{folder};
	openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', 10, '-subj', '/CN=Test CA',
		'-keyout', $self->path('ca.key'), '-out', $self->file);
	chmod 0644, $self->file;
	return $self;
}

sub openssl {
	my ($status, $out, $err) = run_program('openssl', @_);
	die "openssl @_: $err" if $status != 0;
	return $out;
}

sub path { return "$_[0]{folder}/$_[1]" }
sub file { return $_[0]->path('ca.pem') }

sub issue {
	my ($self, $name, %options) = @_;
	my $base = $self->path(++$self->{count});
	write_file("$base.ext", "subjectAltName=DNS:$name\n");
	openssl('req', '-new', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', "/CN=$name", '-keyout', "$base.key",
		'-out', "$base.csr");
	openssl('x509', '-req', '-in', "$base.csr", '-CA', $self->file, '-CAkey', $self->path('ca.key'), '-CAcreateserial', '-days',
		$options{days} // 10, '-extfile', "$base.ext", '-out', "$base.pem");
	write_file("$base.chain", join '', map { slurp($_) } "$base.pem", $self->file);
	return ["$base.chain", "$base.key"];
}

sub slurp {
	my ($path) = @_;
	open my $file, '<', $path or die "cannot read $path: $!\n";
	local $/;
	return scalar <$file>;
}

# The TLSA record of the first certificate of a file.
sub tlsa {
	my (undef, $file, $usage, $selector, $matching) = @_;
	my $form = '-outform';
	my $data = $selector == 0 ? openssl('x509', '-in', $file, $form, 'DER') : do {
		my $key = File::Temp->new;
		print {$key} openssl('x509', '-in', $file, '-noout', '-pubkey');
		close $key or die "cannot write: $!\n";
		openssl('pkey', '-pubin', '-in', "$key", $form, 'DER');
	};
	my $hex = $matching == 0 ? unpack('H*', $data) : $matching == 1 ? sha256_hex($data) : sha512_hex($data);
	return "$usage $selector $matching $hex";
}

1;
