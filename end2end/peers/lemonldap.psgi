# LemonLDAP::NG's portal as Debian installs it, on the listening socket that peers/lemonldap.mjs hands down.
use strict;
use warnings;

use IO::Handle;
use Lemonldap::NG::Portal::Main;
use Plack::Builder;

# The portal insists on a module that draws captchas, also when none is shown. Its own needs ImageMagick.
package Without::Captcha {
    use Mouse;
    extends 'Lemonldap::NG::Portal::Main::Plugin';
    sub init { return 1 }
    $INC{'Without/Captcha.pm'} = __FILE__;
}

# The socket comes from an event loop, but starman's workers wait in accept. A copy: starman keeps the descriptor itself.
my ($inherited) = $ENV{SERVER_STARTER_PORT} =~ /=(\d+)\z/;
open my $socket, '+<&', $inherited or die "the listening socket: $!";
$socket->blocking(1);
close $socket;

my $portal = Lemonldap::NG::Portal::Main->run( {} );
builder {
    enable 'Static', path => qr{^/static/},     root => '/usr/share/lemonldap-ng/portal/htdocs';
    enable 'Static', path => qr{^/javascript/}, root => '/usr/share';
    $portal;
};
