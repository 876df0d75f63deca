/**
 * What systemd takes away from our services. Nothing here costs speed; what a service needs back it
 * says in its own unit, after these lines.
 *
 * MemoryDenyWriteExecute is left out on purpose: V8 and neard's contract runtime compile at run time.
 */
export const hardening: readonly string[] = [
  "NoNewPrivileges=yes",
  "LimitCORE=0",
  "MemorySwapMax=0",
  "UMask=0077",
  "ProtectSystem=strict",
  "ProtectHome=yes",
  "PrivateTmp=yes",
  "PrivateDevices=yes",
  "ProtectClock=yes",
  "ProtectHostname=yes",
  "ProtectKernelLogs=yes",
  "ProtectKernelModules=yes",
  "ProtectKernelTunables=yes",
  "RestrictNamespaces=yes",
  "RestrictRealtime=yes",
  "RestrictSUIDSGID=yes",
  "LockPersonality=yes",
  "SystemCallArchitectures=native",
];

/** More of it, for services that run as their own user and need nothing of the rest of the host. */
export const unprivileged: readonly string[] = [
  ...hardening,
  "CapabilityBoundingSet=",
  "ProtectControlGroups=yes",
  "ProtectProc=invisible",
  "ProcSubset=pid",
  "RemoveIPC=yes",
  "RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK",
  "SystemCallFilter=@system-service",
  "SystemCallErrorNumber=EPERM",
];
