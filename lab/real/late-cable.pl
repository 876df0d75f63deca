# A cable between a network namespace and the bridge on which every packet is late, for kernels without netem:
#   perl late-cable.pl INNER OUTER DELAY_MS
# Makes two tap interfaces where it is started, and passes each one's frames on to the other DELAY_MS later, so a
# round trip takes twice that much longer. Whoever started it moves OUTER to where the bridge is. The kernel
# completes checksums and cuts large segments for a tap, so what is passed on is what a wire would carry.
use strict;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
my ($inner, $outer, $delay_ms) = @ARGV;
my ($set_interface, $tap_without_header) = (0x400454ca, 0x1002);

sub tap {
  my ($name) = @_;
  open(my $tap, "+<", "/dev/net/tun") or die "late-cable.pl: /dev/net/tun: $!\n";
  ioctl($tap, $set_interface, pack("Z16 S x22", $name, $tap_without_header)) or die "late-cable.pl: $name: $!\n";
  return $tap;
}

my @ends = (tap($inner), tap($outer));
$| = 1;
print "ready\n";
my @waiting; # [due, end, frame], in order, since all wait for the same time
my $both = "";
vec($both, fileno($_), 1) = 1 for @ends;
while (1) {
  my $now = clock_gettime(CLOCK_MONOTONIC);
  while (@waiting && $waiting[0][0] <= $now) {
    my (undef, $end, $frame) = @{ shift @waiting };
    # An interface that is down takes none; a wire that hangs in the air does not either.
    syswrite($end, $frame);
  }
  my $left = @waiting ? $waiting[0][0] - $now : undef;
  select(my $ready = $both, undef, undef, $left);
  for my $i (0, 1) {
    next unless defined $ready && vec($ready, fileno($ends[$i]), 1);
    my $read = sysread($ends[$i], my $frame, 65536);
    push @waiting, [clock_gettime(CLOCK_MONOTONIC) + $delay_ms / 1000, $ends[1 - $i], $frame] if $read;
  }
}
