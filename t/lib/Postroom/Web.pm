package Postroom::Web;

=head1 NAME

Postroom::Web - a browser without scripts, and a program that uses the API

=head1 SYNOPSIS

    my $web = Postroom::Web->new($p, tls => 1, local => '127.0.0.2');
    my $reply = $web->get('/login');            # { status, headers, content }
    $web->login('anna', 'secret');              # by the API
    $web->json(PATCH => '/api/v1/users/anna', { ... })->{json};

=head1 METHODS

=over

=item new($p, %options)

Of an instance (Postroom::Test). C<tls>; C<local>: the address to come from; C<cookies =E<gt> 0>: takes none;
C<keep =E<gt> 1>: keeps its connection.

=item get($path, %headers), request($method, $path, { headers, content })

What came back, as HTTP::Tiny has it; redirects are not followed. Cookies are kept, and the token against forged requests
is sent, once one is known.

=item json($method, $path, [$value], %headers)

The same with JSON both ways: the reply has C<json>, too.

=item form($path, %fields)

POST of a form.

=item login($user, $password, %more)

By the API. Dies where it fails.

=item cookies, csrf, url($path)

What is known: a hash; the token.

=back

=cut

use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP ();

sub new {
	my ($class, $p, %options) = @_;
	my $http = HTTP::Tiny->new(
		max_redirect => 0, verify_SSL => 0, timeout => 60, keep_alive => $options{keep} // 0, agent => 'Postroom-Test',
		$options{local} ? (local_address => $options{local}) : (),
	);
	return bless { p => $p, http => $http, cookies => {}, keeps => $options{cookies} // 1, tls => $options{tls} }, $class;
}

sub cookies { return $_[0]{cookies} }
sub csrf { return $_[0]{csrf} }

sub url {
	my ($self, $path) = @_;
	return ($self->{tls} ? 'https' : 'http') . '://' . $self->{p}->host . ':' . $self->{p}->port('web') . $path;
}

sub take_cookies {
	my ($self, $reply) = @_;
	my $found = $reply->{headers}{'set-cookie'} // return;
	for my $cookie (ref $found ? @$found : $found) {
		my ($name, $value) = $cookie =~ /\A([^=]+)=([^;]*)/ or next;
		if ($cookie =~ /;\s*Max-Age=0/i) { delete $self->{cookies}{$name} }
		else { $self->{cookies}{$name} = $value }
	}
	return;
}

sub request {
	my ($self, $method, $path, $options) = @_;
	my %headers = %{ $options->{headers} // {} };
	my $cookies = join '; ', map { "$_=$self->{cookies}{$_}" } sort keys %{ $self->{cookies} };
	$headers{Cookie} //= $cookies if $cookies ne '';
	$headers{'X-CSRF-Token'} //= $self->{csrf} if defined $self->{csrf} && $method !~ /\A(?:GET|HEAD)\z/;
	my $reply = $self->{http}->request($method, $self->url($path), { headers => \%headers,
		defined $options->{content} ? (content => $options->{content}) : () });
	die "$method $path: $reply->{content}" if $reply->{status} == 599;
	$self->take_cookies($reply) if $self->{keeps};
	return $reply;
}

sub get {
	my ($self, $path, %headers) = @_;
	return $self->request(GET => $path, { headers => \%headers });
}

sub json {
	my ($self, $method, $path, $value, %headers) = @_;
	my $reply = $self->request($method, $path, {
		headers => { defined $value ? ('Content-Type' => 'application/json') : (), %headers },
		defined $value ? (content => JSON::PP->new->utf8->encode($value)) : (),
	});
	$reply->{json} = JSON::PP->new->utf8->decode($reply->{content})
		if ($reply->{headers}{'content-type'} // '') eq 'application/json' && $reply->{content} ne '';
	return $reply;
}

sub form {
	my ($self, $path, %fields) = @_;
	return $self->request(POST => $path, { content => $self->{http}->www_form_urlencode(\%fields),
		headers => { 'Content-Type' => 'application/x-www-form-urlencoded' } });
}

sub login {
	my ($self, $user, $password, %more) = @_;
	my $reply = $self->json(POST => '/api/v1/session', { user => $user, password => $password, %more });
	die "login of $user: $reply->{status} $reply->{content}" if $reply->{status} != 200;
	$self->{csrf} = $reply->{json}{csrf};
	return $reply->{json};
}

1;
