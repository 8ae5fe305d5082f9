package Postroom::Sasl;

=head1 NAME

Postroom::Sasl - the client's side of PLAIN, LOGIN, CRAM-MD5, SCRAM-SHA-256 and SCRAM-SHA-256-PLUS

=head1 SYNOPSIS

    my $client = Postroom::Sasl->new('SCRAM-SHA-256', $user, $password);
    my $first = $client->initial;             # bytes, undef where the server speaks first
    my $next = $client->respond($challenge);  # bytes; dies where the server's last words are wrong

C<< binding => ['tls-exporter', $data] >> is what PLUS binds to; C<< flag => 'y' >> another GS2 flag than SCRAM-SHA-256 has.

=cut

use strict;
use warnings;
use Digest::MD5 qw(md5);
use Digest::SHA qw(sha256 hmac_sha256);
use MIME::Base64;

sub new {
	my ($class, $mechanism, $user, $password, %options) = @_;
	my %known = map { $_ => 1 } qw(PLAIN LOGIN CRAM-MD5 SCRAM-SHA-256 SCRAM-SHA-256-PLUS);
	die "unknown mechanism $mechanism\n" if !$known{$mechanism};
	my ($type, $data) = @{ $options{binding} // [] };
	return bless {
		mechanism => $mechanism, user => $user, password => $password,
		authzid => $options{authzid} // '', steps => 0,
		flag    => $options{flag} // (defined $type ? "p=$type" : 'n'), binding => $data // '',
	}, $class;
}

sub initial {
	my ($self) = @_;
	return "$self->{authzid}\0$self->{user}\0$self->{password}" if $self->{mechanism} eq 'PLAIN';
	return if $self->{mechanism} eq 'LOGIN' || $self->{mechanism} eq 'CRAM-MD5';
	(my $name = $self->{user}) =~ s/([=,])/sprintf '=%02X', ord $1/ge;
	my $nonce = encode_base64(join('', map { chr int rand 256 } 1 .. 18), '');
	$self->{first_bare} = "n=$name,r=$nonce";
	$self->{gs2} = "$self->{flag}," . ($self->{authzid} ne '' ? "a=$self->{authzid}" : '') . ',';
	return $self->{gs2} . $self->{first_bare};
}

# RFC 2104
sub hmac_md5 {
	my ($text, $key) = @_;
	$key = md5($key) if length $key > 64;
	$key .= "\0" x (64 - length $key);
	return md5(($key ^ "\x5c" x 64) . md5(($key ^ "\x36" x 64) . $text));
}

# RFC 5802 section 3: Hi(), one block, since the key is as long as the hash.
sub hi {
	my ($password, $salt, $iterations) = @_;
	my $block = my $result = hmac_sha256("$salt\0\0\0\1", $password);
	for (2 .. $iterations) {
		$block = hmac_sha256($block, $password);
		$result ^= $block;
	}
	return $result;
}

sub respond {
	my ($self, $challenge) = @_;
	my $step = ++$self->{steps};
	return $self->initial if $self->{mechanism} eq 'PLAIN';
	return $step == 1 ? $self->{user} : $self->{password} if $self->{mechanism} eq 'LOGIN';
	return "$self->{user} " . unpack('H*', hmac_md5($challenge, $self->{password})) if $self->{mechanism} eq 'CRAM-MD5';
	return $self->initial if !defined $self->{first_bare};
	return $self->check_server($challenge) if defined $self->{server_key};
	my ($nonce, $salt, $iterations) = $challenge =~ /\A(r=[^,]+),s=([^,]+),i=(\d+)\z/ or die "bad challenge: $challenge\n";
	my $salted = hi($self->{password}, decode_base64($salt), $iterations);
	my $client_key = hmac_sha256('Client Key', $salted);
	my $final = 'c=' . encode_base64("$self->{gs2}$self->{binding}", '') . ",$nonce";
	$self->{auth} = "$self->{first_bare},$challenge,$final";
	$self->{server_key} = hmac_sha256('Server Key', $salted);
	return "$final,p=" . encode_base64($client_key ^ hmac_sha256($self->{auth}, sha256($client_key)), '');
}

sub check_server {
	my ($self, $challenge) = @_;
	my $expected = 'v=' . encode_base64(hmac_sha256($self->{auth}, $self->{server_key}), '');
	die "the server does not know the password: $challenge\n" if $challenge ne $expected;
	$self->{server_checked} = 1;
	return '';
}

1;
