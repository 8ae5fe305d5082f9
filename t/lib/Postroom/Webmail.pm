package Postroom::Webmail;

=head1 NAME

Postroom::Webmail - a user of the web's API

=head1 SYNOPSIS

    my $anna = Postroom::Webmail->new($p, 'anna', 'secret');
    my $list = $anna->ok(GET => '/mail/folders/INBOX/messages');
    my ($status, $value) = $anna->call(POST => '/mail/send', { to => 'bob', text => 'hello' });
    my ($status, $bytes, $headers) = $anna->raw(GET => '/mail/folders/INBOX/export?form=eml');

=head1 DESCRIPTION

Logs in at once, and says what the pages of the web say: the cookie, the CSRF token with what changes something, and once again
what was answered "again". Paths are behind /api/v1, but those of C<raw_at>, which are whole. C<ok> dies of anything but 2xx.

=cut

use strict;
use warnings;
use HTTP::Tiny;
use JSON::PP;
use Time::HiRes qw(time);

my $JSON = JSON::PP->new->utf8->canonical;

sub new {
	my ($class, $p, $user, $password) = @_;
	my $self = bless {
		root => 'http://' . $p->host . ':' . $p->port('web'),
		http => HTTP::Tiny->new(keep_alive => 1, timeout => 60),
	}, $class;
	my $session = $self->ok(POST => '/session', { user => $user, password => $password });
	$self->{csrf} = $session->{csrf};
	return $self;
}

sub cookie { return $_[0]{cookie} }

sub raw { my ($self, $method, $path, @rest) = @_; return $self->raw_at($method, "/api/v1$path", @rest) }

sub raw_at {
	my ($self, $method, $path, $body, %headers) = @_;
	$headers{Cookie} = $self->{cookie} if $self->{cookie};
	$headers{'X-CSRF-Token'} = $self->{csrf} if $self->{csrf} && $method ne 'GET';
	my $reply = $self->{http}->request($method, $self->{root} . $path,
		{ headers => \%headers, defined $body ? (content => $body) : () });
	my $cookie = $reply->{headers}{'set-cookie'};
	for my $one (ref $cookie ? @$cookie : defined $cookie ? $cookie : ()) {
		$self->{cookie} = $1 if $one =~ /\A(postroom=[^;]+)/;
	}
	return ($reply->{status}, $reply->{content}, $reply->{headers});
}

sub call {
	my ($self, $method, $path, $body) = @_;
	my @sent = ($method, $path, defined $body ? ($JSON->encode($body), 'Content-Type' => 'application/json') : ());
	my ($status, $content) = $self->raw(@sent);
	($status, $content) = $self->raw(@sent) if $status == 503 && $content =~ /"again"/;
	return ($status, defined $content && $content =~ /\A[\[{]/ ? $JSON->decode($content) : $content);
}

sub ok {
	my ($self, $method, $path, $body) = @_;
	my ($status, $value) = $self->call($method, $path, $body);
	die "$method $path: $status " . (ref $value ? $JSON->encode($value) : $value) . "\n" if $status !~ /\A2/;
	return $value;
}

# The messages of a folder, the newest first; waits until there are so many.
sub messages {
	my ($self, $folder, $count, $query) = @_;
	my $until = time + 20;
	my $page;
	do {
		$page = $self->ok(GET => "/mail/folders/$folder/messages" . ($query // ''));
	} while (defined $count && $page->{total} < $count && time < $until && select(undef, undef, undef, 0.05) < 1);
	return $page;
}

sub path {
	my ($folder, $page, $message) = @_;
	return "/mail/messages/$folder/$page->{uidvalidity}/$message->{uid}";
}

1;
