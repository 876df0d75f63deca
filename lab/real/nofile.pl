# Runs a program whose raising of its limit of open files is answered with success and changes nothing:
#   perl nofile.pl PROGRAM [ARGUMENT...]
# For machines on which nobody may raise it (containers), and neard, which exits where it may not have 65535.
# Perl, because every Debian has it and it makes system calls without a compiler. The filter is inherited by
# all that the program starts, units of a whole host included; so no unit needs to know. Reading the limit
# tells the truth. Lowering it has no effect either.
use strict;
use POSIX ();
my $machine = (POSIX::uname())[4];
my %numbers = (x86_64 => [317, 302, 160], aarch64 => [277, 261, 164]);
my ($seccomp, $prlimit, $setrlimit) = @{ $numbers{$machine} or die "nofile.pl: not for $machine\n" };
my $nofile = 7;

# All that there is, before nobody can ask for it any more: soft limit = hard limit.
my $limits = "\0" x 16;
syscall($prlimit, 0, $nofile, 0, $limits) == 0 or die "prlimit: $!\n";
my (undef, $hard) = unpack("QQ", $limits);
my $raised = pack("QQ", $hard, $hard);
syscall($prlimit, 0, $nofile, $raised, 0) == 0 or die "prlimit: $!\n";

my ($load, $equal, $return) = (0x20, 0x15, 0x06);
my ($answer_success, $allow) = (0x00050000, 0x7fff0000);
# struct seccomp_data: the call's number at 0, argument n at 16 + 8n, its low half first.
my @filter = (
  [$load, 0, 0, 0],
  [$equal, 0, 6, $prlimit],      # else to: setrlimit?
  [$load, 0, 0, 24],
  [$equal, 0, 8, $nofile],       # another limit: allow
  [$load, 0, 0, 32],
  [$equal, 0, 5, 0],             # a new limit: answer
  [$load, 0, 0, 36],
  [$equal, 4, 3, 0],             # none (it is only read): allow
  [$equal, 0, 3, $setrlimit],
  [$load, 0, 0, 16],
  [$equal, 0, 1, $nofile],
  [$return, 0, 0, $answer_success],
  [$return, 0, 0, $allow],
);
my $code = join "", map { pack("SCCL", @$_) } @filter;
my $program = pack("S x6 P", scalar @filter, $code);
syscall($seccomp, 1, 0, $program) == 0 or die "seccomp: $!\n";
exec { $ARGV[0] } @ARGV or die "$ARGV[0]: $!\n";
