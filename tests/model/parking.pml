/* Going to sleep and waking (lib/parallelism/parking.hpp, pool_worker::wait_for_job), step by step: workers that run dry,
   search, park; threads that submit. When nothing moves any more, no job is queued while a worker sleeps.

   A job never ends here. So this says more than that no wake-up is lost: as many jobs run at a time as there are
   workers. With -DSHORT_JOBS a job ends at once, and its worker goes round again.

   One line here is one access to shared memory there, in the same order, all sequentially consistent. (Weaker orders
   are the subject of tests/interleaving/pool_test.cpp, on the code itself.)

   Each -D below plants a bug, which the check must find:
     NO_SECOND_LOOK     who parks does not look at the queue after it announced that it goes to sleep
     ANNOUNCES_LATE     who parks looks first and announces then
     NO_CHAIN           the last searcher that finds a job does not look for more
     WAKES_FIRST        who submits looks for sleepers before the job is in the queue
     WAIT_IN_TWO_STEPS  who sleeps looks at `asleep` and begins to wait without the lock in between */

#ifndef WORKERS
#define WORKERS 2
#endif
#ifndef SUBMITTERS
#define SUBMITTERS 2
#endif
#ifndef EACH
#define EACH 1 /* jobs of each submitter */
#endif
#define MAX_SEARCHERS 1

byte queued;               /* the injection queue's size; pushes and pops are one step, under its lock */
byte searchers, sleepers;  /* one atomic word */
bool locked;               /* parking's mutex */
bool asleep[WORKERS];      /* these under the mutex */
bool listed[WORKERS];      /* in sleepers_ */
bool waiting[WORKERS];     /* on the condition variable */
byte busy;                 /* workers whose job does not end */

inline lock() { atomic { !locked -> locked = true } }
inline unlock() { locked = false }

/* The word counts a sleeper as searching from the moment it is woken. */
inline get_up(who) {
    asleep[who] = false;
    d_step { sleepers--; searchers++ }
}

inline work_added() {
    if
    :: atomic { searchers == 0 && sleepers > 0 -> skip };
        lock();
        if
        :: atomic { searchers == 0 && sleepers > 0 -> skip };
            select_sleeper();
            get_up(chosen);
            unlock();
            d_step { waiting[chosen] = false; chosen = 0 } /* notify_one */
        :: else -> unlock()
        fi
    :: else
    fi
}

/* Any that is listed: the code takes the last one, but nothing depends on it. */
inline select_sleeper() {
    atomic {
        if
        :: listed[0] -> chosen = 0
#if WORKERS > 1
        :: listed[1] -> chosen = 1
#endif
#if WORKERS > 2
        :: listed[2] -> chosen = 2
#endif
        fi;
        listed[chosen] = false
    }
}

active [SUBMITTERS] proctype submitter() {
    byte n, chosen;
    do
    :: n < EACH ->
#ifdef WAKES_FIRST
        work_added();
        queued++;
#else
        queued++;
        work_added();
#endif
        n++
    :: n == EACH -> break
    od
}

active [WORKERS] proctype worker() {
    byte chosen;
    byte me = _pid - SUBMITTERS;
    bool searching, found, stay;

    do
    :: atomic { /* pop; a worker that does not search looks once before it begins */
            found = queued > 0;
            if
            :: found -> queued--
            :: else
            fi
        };
        if
        :: found && searching -> /* leave_search */
            searching = false;
            d_step { searchers--; found = searchers == 0 };
#ifndef NO_CHAIN
            if
            :: found && queued > 0 -> work_added()
            :: else
            fi;
#endif
            found = true
        :: else
        fi;
        if
        :: found ->
#ifndef SHORT_JOBS
            busy++;
            goto end_of_all
#endif
        :: !found && !searching ->
            atomic { /* begin_search */
                if
                :: searchers < MAX_SEARCHERS -> searchers++; searching = true
                :: else -> goto park
                fi
            }
        :: !found && searching ->
park:       lock();
            asleep[me] = true;
            listed[me] = true;
#ifdef ANNOUNCES_LATE
            unlock();
            stay = queued == 0;
            lock();
            d_step { sleepers++; searchers = searchers - searching };
#else
            d_step { sleepers++; searchers = searchers - searching };
            unlock();
#ifdef NO_SECOND_LOOK
            stay = true;
#else
            stay = queued == 0;
#endif
            lock();
#endif
            if
            :: !stay && asleep[me] -> listed[me] = false; get_up(me)
            :: else
            fi;
            do
            :: asleep[me] ->
#ifdef WAIT_IN_TWO_STEPS
                unlock();
                waiting[me] = true;
#else
                d_step { waiting[me] = true; locked = false };
#endif
end_asleep:     !waiting[me];
                lock()
            :: else -> break
            od;
            unlock();
            d_step { searching = true; chosen = 0; stay = false }
        fi
    od;
end_of_all:
    false
}

/* Nothing moves any more. */
active proctype judge() {
    timeout;
    assert(!locked);
    assert(queued == 0 || busy == WORKERS)
}
