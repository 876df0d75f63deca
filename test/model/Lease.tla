-------------------------------- MODULE Lease --------------------------------
(* holdfast's lease: who may sign, and when a standby may take over.
   README.md beside this file says in plain words what is in here and what is not. *)
EXTENDS Naturals, FiniteSets, TLC

CONSTANTS
  Hosts,         \* the hosts with neard
  L, W, G, A,    \* lease, wait, unbroken watch, longest attempt: in ticks of a host's own clock
  Snapshots,     \* whether there are any
  Tamperers,     \* whether somebody writes the lock who may, and cannot seal
  Fencing,       \* whether a take-over needs a proof that whoever may run holds nothing
  Skips,         \* whether such a proof ends the wait
  Honest,        \* whether power devices never lie
  Pauses,        \* whether machines are paused with their clocks, and resumed
  Steady,        \* in so many ticks one clock at most loses one tick at most; 0: none ever does
  MaxTakeOvers,  \* the one bound on how long a behaviour can be
  LeftOut        \* the rule that a variant leaves out; "nothing" for the protocol as it is

Keeps(rule) == LeftOut # rule

VARIABLES
  lock,      \* Consul's record: ver (ModifyIndex), epoch (LockIndex), sess (0: free), mark (who released it cleanly; 0: nobody),
             \* sealed (by a host that has the validator key); with fencing also whose it is: by (the host it names; "nobody"),
             \* term (its session, whether that still holds the lock or not)
  saved,     \* a snapshot of it
  savedAge,  \* ticks since the record that the snapshot has was overwritten
  taken,     \* number of take-overs so far, which is also the number of the newest session
  releases,  \* sessions whose clean release was sent; it may arrive at any time, once, twice or never
  steady,    \* ticks since a clock lost one
  phase,     \* "standby", "trying" (request on its way), "won" (answer on its way), "active", "crashed" (no agent, but neard)
  mine,      \* the session under which the host holds, or may come to hold
  left,      \* ticks until the deadline, at which the kernel shuts the fence
  reply,     \* ticks since the sending of the renewal whose answer is on its way; L: none, or too late to be of use
  picture,   \* the record as the host saw it last; ver 0: not yet
  waited,    \* ticks since it saw the record change
  held,      \* ticks since it first saw the present holder, unbroken
  look,      \* ticks since it saw the record at all; G + 1: too long ago
  paused,    \* its machine stands still, and its clocks too
  proof      \* the term which this host has proof of that it is over; 0: none

consul  == <<lock, saved, savedAge, taken, releases>>
watch   == <<picture, waited, held, look>>
holding == <<phase, mine, left, reply>>
power   == <<paused, proof>>
vars    == <<consul, steady, holding, watch, power>>

Signs(h) == /\ phase[h] \in {"active", "crashed"} /\ ~paused[h]
            /\ left[h] > 0 \/ ~Keeps("fence")

(* What must hold. *)
OneSigner  == \A g, h \in Hosts : Signs(g) /\ Signs(h) => g = h
EpochsGrow == [][lock'.epoch >= lock.epoch \/ lock' = saved]_vars

(* What must be possible, or else all this says nothing: TLC has to refute each of these. *)
NeverFailover   == ~ \E h \in Hosts : Signs(h) /\ mine[h] > 2 /\ releases = {}
NeverSwitchover == [][taken' > taken => \E h \in Hosts : phase[h] = "trying" /\ phase'[h] = "won" /\ waited[h] >= W]_vars
NeverFenced     == [][\A h \in Hosts : phase[h] = "trying" /\ phase'[h] = "won" => proof[h] = 0]_vars
NeverUnpaused   == [][\A h \in Hosts : paused[h] /\ left[h] > 0 => paused'[h] \/ left'[h] = 0]_vars
NeverResumed    == [][\A h \in Hosts : phase[h] = "crashed" => phase'[h] # "active"]_vars

------------------------------------------------------------------------------
Min(a, b) == IF a < b THEN a ELSE b
Max(a, b) == IF a > b THEN a ELSE b
Minus(a, b) == IF a > b THEN a - b ELSE 0

Unseen == [ver |-> 0, sess |-> 0, mark |-> 0, by |-> "nobody", term |-> 0]

(* Kept only where somebody looks at it: else states that differ in nothing would be many. *)
Named(h)  == IF Fencing THEN h ELSE "nobody"
Termed(s) == IF Fencing THEN s ELSE 0

(* A version that nothing remembers: versions are only compared for equality, so they can be used again. *)
Fresh == LET remembered == {lock.ver, saved.ver} \cup {picture[h].ver : h \in Hosts}
         IN CHOOSE v \in 1..(3 + Cardinality(Hosts)) : v \notin remembered /\ \A u \in 1..(v - 1) : u \in remembered

(* One host has just begun to hold, with session 2; the others have just started. The snapshot is old: of the empty store,
   or of session 1 holding the lock or having released it, and a copy of that release may still be on its way. *)
Init == \E first \in Hosts, was \in {"nothing", "held", "released"} :
  /\ Snapshots \/ was = "nothing"
  /\ lock = [ver |-> 2, epoch |-> 2, sess |-> 2, mark |-> 0, sealed |-> TRUE, by |-> Named(first), term |-> Termed(2)]
  /\ saved = [ver |-> 1, epoch |-> IF was = "nothing" THEN 0 ELSE 1,
              sess |-> IF was = "held" THEN 1 ELSE 0, mark |-> IF was = "released" THEN 1 ELSE 0, sealed |-> TRUE,
              by |-> "nobody", term |-> 0]
  /\ savedAge = G + A + 1
  /\ taken = 2 /\ releases = (IF was = "nothing" THEN {} ELSE {1}) /\ steady = Steady
  /\ phase = [h \in Hosts |-> IF h = first THEN "active" ELSE "standby"]
  /\ mine = [h \in Hosts |-> IF h = first THEN 2 ELSE 0]
  /\ left = [h \in Hosts |-> IF h = first THEN L ELSE 0]
  /\ reply = [h \in Hosts |-> L]
  /\ picture = [h \in Hosts |-> Unseen] /\ waited = [h \in Hosts |-> 0]
  /\ held = [h \in Hosts |-> 0] /\ look = [h \in Hosts |-> G + 1]
  /\ paused = [h \in Hosts |-> FALSE] /\ proof = [h \in Hosts |-> 0]

------------------------------------------------------------------------------
(* The standby: look, wait, take over. *)

Forget(h) ==
  /\ picture' = [picture EXCEPT ![h] = Unseen] /\ look' = [look EXCEPT ![h] = G + 1]
  /\ waited' = [waited EXCEPT ![h] = 0] /\ held' = [held EXCEPT ![h] = 0]
  /\ reply' = [reply EXCEPT ![h] = L] /\ proof' = [proof EXCEPT ![h] = 0]

SameHolder(old, new) ==
  IF new.sess # 0 THEN new.sess = old.sess
  ELSE new.mark # 0 /\ (new.mark = old.sess \/ (new.mark = old.mark /\ new.ver = old.ver))

Look(h) ==
  LET old      == picture[h]
      unbroken == old.ver # 0 /\ (look[h] <= G \/ ~Keeps("unbroken watch"))
      same     == unbroken /\ SameHolder(old, lock)
      \* A marker that was merely found is no marker, and one that no host of ours wrote even less.
      believed == /\ same \/ ~Keeps("marker of a watched holder")
                  /\ lock.sealed \/ ~Keeps("seal")
  IN
  /\ phase[h] = "standby" /\ ~paused[h]
  /\ picture' = [picture EXCEPT ![h] = [ver |-> lock.ver, sess |-> lock.sess, mark |-> IF believed THEN lock.mark ELSE 0,
                                        by |-> IF lock.mark # 0 THEN "nobody" ELSE lock.by, term |-> lock.term]]
  /\ waited' = [waited EXCEPT ![h] = IF unbroken /\ lock.ver = old.ver THEN @
                                     ELSE IF old.ver = 0 /\ ~Keeps("wait after a start") THEN W ELSE 0]
  /\ held' = [held EXCEPT ![h] = IF same THEN @ ELSE 0]
  /\ look' = [look EXCEPT ![h] = 0]
  /\ UNCHANGED <<consul, steady, holding, power>>

MarkerCounts(h) ==
  /\ picture[h].sess = 0 /\ picture[h].mark # 0
  /\ held[h] >= W \/ LeftOut \in {"marker of a watched holder", "holder watched for the wait"}

(* With fencing: whoever may still run has let go, is this very host, or was shown to hold nothing since its record was read. *)
Proven(h) == proof[h] # 0 /\ (proof[h] = picture[h].term \/ ~Keeps("proof of this term"))
Gate(h)   == \/ ~Fencing \/ ~Keeps("fencing")
             \/ picture[h].by \in {"nobody", h} \/ Proven(h)

Try(h) ==
  /\ phase[h] = "standby" /\ taken < MaxTakeOvers /\ ~paused[h]
  /\ picture[h].ver # 0 /\ look[h] <= G
  /\ waited[h] >= W \/ MarkerCounts(h) \/ (Skips /\ Proven(h) /\ held[h] >= W)
  /\ Gate(h)
  /\ phase' = [phase EXCEPT ![h] = "trying"]
  /\ left' = [left EXCEPT ![h] = L]                 \* counted from the sending
  /\ UNCHANGED <<consul, steady, mine, reply, watch, power>>

(* Consul's transaction: check the index, unlock the old session, lock the new one. *)
Take(h) ==
  /\ phase[h] = "trying" /\ taken < MaxTakeOvers
  /\ lock.ver = picture[h].ver \/ ~Keeps("index check")
  /\ taken' = taken + 1
  /\ lock' = [ver |-> Fresh, epoch |-> lock.epoch + 1, sess |-> taken + 1, mark |-> 0, sealed |-> TRUE,
              by |-> Named(h), term |-> Termed(taken + 1)]
  /\ mine' = [mine EXCEPT ![h] = taken + 1]
  /\ phase' = [phase EXCEPT ![h] = "won"]
  /\ UNCHANGED <<saved, savedAge, releases, steady, left, reply, watch, power>>

Win(h) ==
  /\ phase[h] = "won" /\ ~paused[h]
  /\ phase' = [phase EXCEPT ![h] = "active"]
  /\ left' = [left EXCEPT ![h] = IF Keeps("count from the sending") THEN @ ELSE L]
  /\ Forget(h)
  /\ UNCHANGED <<consul, steady, mine, paused>>

GiveUp(h) ==
  /\ phase[h] \in {"trying", "won"} /\ ~paused[h]
  /\ phase' = [phase EXCEPT ![h] = "standby"] /\ mine' = [mine EXCEPT ![h] = 0] /\ left' = [left EXCEPT ![h] = 0]
  /\ UNCHANGED <<consul, steady, reply, watch, power>>

------------------------------------------------------------------------------
(* The holder: renew, and one way out of power. *)

Renew(h) ==
  /\ phase[h] = "active" /\ left[h] > 0 /\ lock.sess = mine[h] /\ ~paused[h]
  /\ lock' = [lock EXCEPT !.ver = Fresh, !.sealed = TRUE]
  /\ reply' = [reply EXCEPT ![h] = 0]
  /\ UNCHANGED <<saved, savedAge, taken, releases, steady, phase, mine, left, watch, power>>

Extend(h) ==
  /\ phase[h] = "active" /\ reply[h] < L /\ ~paused[h]
  /\ left' = [left EXCEPT ![h] = IF Keeps("count from the sending") THEN Max(@, L - reply[h]) ELSE L]
  /\ reply' = [reply EXCEPT ![h] = L]
  /\ UNCHANGED <<consul, steady, phase, mine, watch, power>>

(* Whatever the reason: the lease is over, a renewal was refused, neard died, a switchover.
   The fence is shut and the key gone before the release is sent, if one is sent. *)
StepDown(h, releasing) ==
  /\ phase[h] = "active" /\ ~paused[h]
  /\ IF releasing /\ ~Keeps("stop before the release")
     THEN UNCHANGED <<phase, left, mine>>
     ELSE /\ phase' = [phase EXCEPT ![h] = "standby"]
          /\ left' = [left EXCEPT ![h] = 0] /\ mine' = [mine EXCEPT ![h] = 0]
  /\ reply' = [reply EXCEPT ![h] = L]
  /\ releases' = IF releasing THEN releases \cup {mine[h]} ELSE releases
  /\ UNCHANGED <<lock, saved, savedAge, taken, steady, watch, power>>

Release ==
  /\ lock.sess \in releases
  /\ lock' = [lock EXCEPT !.ver = Fresh, !.sess = 0, !.mark = lock.sess, !.sealed = TRUE]
  /\ UNCHANGED <<saved, savedAge, taken, releases, steady, holding, watch, power>>

------------------------------------------------------------------------------
(* Faults. A pause or a lost message needs no action of its own: nothing ever has to happen. *)

(* The agent dies; neard and the fence's timer go on, and so does a new agent if the lease still lives. *)
AgentDies(h) ==
  /\ phase[h] = "active" /\ phase' = [phase EXCEPT ![h] = "crashed"] /\ ~paused[h]
  /\ Forget(h)
  /\ UNCHANGED <<consul, steady, mine, left, paused>>

AgentStarts(h) ==
  /\ phase[h] = "crashed" /\ left[h] > 0 /\ ~paused[h]
  /\ phase' = [phase EXCEPT ![h] = "active"]
  /\ UNCHANGED <<consul, steady, mine, left, reply, watch, power>>

(* Power loss, reboot, or the restart of an agent that holds nothing that lives. A lease file that outlived the boot
   would look as good as new, for the clock starts anew. *)
Boots(h) ==
  /\ IF phase[h] \in {"active", "crashed"} /\ ~Keeps("lease of this boot only")
     THEN left' = [left EXCEPT ![h] = L] /\ phase' = [phase EXCEPT ![h] = "active"] /\ UNCHANGED mine
     ELSE /\ left' = [left EXCEPT ![h] = 0] /\ mine' = [mine EXCEPT ![h] = 0]
          /\ phase' = [phase EXCEPT ![h] = "standby"]
  /\ paused' = [paused EXCEPT ![h] = FALSE]
  /\ UNCHANGED <<consul, steady>>

StartsAnew(h) == Boots(h) /\ Forget(h)

(* The session ends by its TTL, by an operator, with its Consul node; or somebody writes the key. *)
SessionLost ==
  /\ lock.sess # 0 \/ lock.mark # 0
  /\ lock' = [lock EXCEPT !.ver = Fresh, !.sess = 0, !.mark = 0]
  /\ UNCHANGED <<saved, savedAge, taken, releases, steady, holding, watch, power>>

(* Somebody who has a token and no validator key: a marker of the present holder that he made up, or a genuine one of a
   holder that let go, under the epoch that it names. What he does besides is SessionLost. The assumption on genuine ones
   is that on snapshots: nobody still takes that holder for the present one. *)
Forge ==
  /\ Tamperers /\ lock.sess # 0
  /\ lock' = [lock EXCEPT !.ver = Fresh, !.sess = 0, !.mark = lock.sess, !.sealed = FALSE]
  /\ UNCHANGED <<saved, savedAge, taken, releases, steady, holding, watch, power>>

Replay ==
  /\ Tamperers
  /\ \E s \in releases :
       /\ (\A h \in Hosts : picture[h].sess # s) \/ ~Keeps("no marker of a holder in sight")
       /\ lock' = [lock EXCEPT !.ver = Fresh, !.sess = 0, !.mark = s, !.sealed = TRUE]
  /\ UNCHANGED <<saved, savedAge, taken, releases, steady, holding, watch, power>>

Save ==
  /\ Snapshots
  /\ saved' = lock /\ savedAge' = 0
  /\ UNCHANGED <<lock, taken, releases, steady, holding, watch, power>>

(* The assumption on snapshots: what comes back was overwritten longer ago than a look and an attempt can be old. *)
Restore ==
  /\ Snapshots
  /\ savedAge > G + A \/ ~Keeps("old snapshots only")
  /\ saved # lock
  /\ lock' = saved /\ savedAge' = 0
  /\ UNCHANGED <<saved, taken, releases, steady, holding, watch, power>>

------------------------------------------------------------------------------
(* Power-off fencing, and what it is for. *)

(* A virtual machine that is stopped with its clocks. What it sent is on its way; to itself nothing happens. *)
Pause(h)  == Pauses /\ ~paused[h] /\ paused' = [paused EXCEPT ![h] = TRUE]  /\ UNCHANGED <<consul, steady, holding, watch, proof>>
Resume(h) == paused[h] /\ paused' = [paused EXCEPT ![h] = FALSE] /\ UNCHANGED <<consul, steady, holding, watch, proof>>

Suspects(g, h) == /\ Fencing /\ g # h
                  /\ phase[g] = "standby" /\ ~paused[g]
                  /\ picture[g].ver # 0 /\ look[g] <= G /\ picture[g].by = h
                  /\ proof[g] # picture[g].term

Learns(g) == proof' = [proof EXCEPT ![g] = picture[g].term]

(* g has h's power cut once its own wait is over (or merely reads that it is off, which saves the wait), and boots it at once,
   which is the worst that can come of it. *)
PowerOff(g, h) ==
  /\ Suspects(g, h) /\ (waited[g] >= W \/ Skips)
  /\ Learns(g)
  /\ Boots(h)
  /\ picture' = [picture EXCEPT ![h] = Unseen] /\ look' = [look EXCEPT ![h] = G + 1]
  /\ waited' = [waited EXCEPT ![h] = 0] /\ held' = [held EXCEPT ![h] = 0] /\ reply' = [reply EXCEPT ![h] = L]

Lie(g, h) ==
  /\ ~Honest \/ ~Keeps("honest devices")
  /\ Suspects(g, h) /\ (waited[g] >= W \/ Skips)
  /\ Learns(g)
  /\ UNCHANGED <<consul, steady, holding, watch, paused>>

(* h says that it holds nothing. *)
Answer(g, h) ==
  /\ Suspects(g, h) /\ ~paused[h]
  /\ phase[h] = "standby" \/ ~Keeps("answer of a standby only")
  /\ Learns(g)
  /\ UNCHANGED <<consul, steady, holding, watch, paused>>

------------------------------------------------------------------------------
(* Time. Anything may be late by any time, but for the kernel's timer, and an agent that throws a late win away. *)

Tick(slow) ==
  LET t(h) == IF h = slow \/ paused[h] THEN 0 ELSE 1
      tooLate(h) == phase[h] \in {"trying", "won"} /\ left[h] + A <= L /\ t(h) = 1
  IN
  /\ slow \in Hosts => Steady > 0 /\ steady >= Steady
  /\ steady'   = IF slow \in Hosts THEN 0 ELSE Min(steady + 1, Steady)
  /\ savedAge' = IF saved.ver = lock.ver THEN 0 ELSE Min(savedAge + 1, G + A + 1)
  /\ phase'    = [h \in Hosts |-> IF tooLate(h) THEN "standby" ELSE phase[h]]
  /\ mine'     = [h \in Hosts |-> IF tooLate(h) THEN 0 ELSE mine[h]]
  /\ left'     = [h \in Hosts |-> IF tooLate(h) THEN 0 ELSE Minus(left[h], t(h))]
  /\ reply'    = [h \in Hosts |-> Min(reply[h] + t(h), L)]
  /\ waited'   = [h \in Hosts |-> Min(waited[h] + t(h), W)]
  /\ held'     = [h \in Hosts |-> Min(held[h] + t(h), W)]
  /\ look'     = [h \in Hosts |-> Min(look[h] + t(h), G + 1)]
  /\ UNCHANGED <<lock, saved, taken, releases, picture, power>>

Next ==
  \/ \E h \in Hosts :
       \/ Look(h) \/ Try(h) \/ Take(h) \/ Win(h) \/ GiveUp(h)
       \/ Renew(h) \/ Extend(h) \/ StepDown(h, TRUE) \/ StepDown(h, FALSE)
       \/ AgentDies(h) \/ AgentStarts(h) \/ StartsAnew(h)
       \/ Pause(h) \/ Resume(h)
       \/ \E g \in Hosts : PowerOff(g, h) \/ Lie(g, h) \/ Answer(g, h)
  \/ Release \/ SessionLost \/ Forge \/ Replay \/ Save \/ Restore
  \/ \E slow \in Hosts \cup {"nobody"} : Tick(slow)

Spec == Init /\ [][Next]_vars

------------------------------------------------------------------------------
(* For TLC alone. States that differ only in the names of hosts, or in version numbers, are one. *)

AnyHost == Permutations(Hosts)

Canonical ==
  LET ver(v) == IF v = 0 THEN 0 ELSE IF v = lock.ver THEN 1 ELSE IF v = saved.ver THEN 2 ELSE 3
  IN <<[lock EXCEPT !.ver = 1], [saved EXCEPT !.ver = ver(@)], savedAge, taken,
       IF Tamperers THEN releases ELSE releases \cap {lock.sess, saved.sess}, steady, holding,
       [h \in Hosts |-> [picture[h] EXCEPT !.ver = ver(@)]], waited, held, look, paused, proof>>
==============================================================================
