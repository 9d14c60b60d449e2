/* The deque of a worker (lib/parallelism/work_deque.hpp), step by step: an owner that pushes and pops, thieves that
   steal, a ring of two slots that is reused and grows to four. In every interleaving each element is taken exactly once.

   One line here is one access to a shared variable there, in the same order, all sequentially consistent. (Weaker
   orders are the subject of tests/interleaving/pool_test.cpp, on the code itself.)

   Each -D below plants a bug, which the check must find:
     POP_WITHOUT_SWAP     pop takes the last element without the compare-and-swap
     STEAL_WITHOUT_SWAP   steal advances top by a plain store
     STEAL_BOTTOM_FIRST   steal reads bottom before top
     POP_TOP_FIRST        pop reads top before it writes bottom
     PUSH_OVER            push does not look whether the ring is full
     RING_LAST            push publishes the larger ring after the element that is only there */

#ifndef THIEVES
#define THIEVES 2
#endif
#ifndef ITEMS
#define ITEMS 4
#endif
#define nothing 0

byte top, bottom;
bool large;            /* which ring is published */
byte small_ring[2];
byte large_ring[4];
byte taken[ITEMS + 1]; /* by item; items are 1 .. ITEMS */

inline take(item) {
    assert(item != nothing && taken[item] == 0); /* nothing: a slot was read that was never written */
    taken[item] = 1
}

inline read_slot(in_large, index, to) {
    if
    :: in_large -> to = large_ring[index % 4]
    :: else -> to = small_ring[index % 2]
    fi
}

active proctype owner() {
    byte pushed, b, t, item, known_top;
    bool grows, done;

    do
    :: pushed < ITEMS -> /* push */
        b = bottom;
        grows = false;
#ifndef PUSH_OVER
        if
        :: !large && b - known_top >= 2 ->
            known_top = top;
            if
            :: b - known_top >= 2 ->
                d_step { /* nobody sees the new ring yet, and the old one is never written again */
                    t = known_top;
                    do
                    :: t < b -> large_ring[t % 4] = small_ring[t % 2]; t++
                    :: else -> break
                    od
                }
                grows = true
            :: else
            fi
        :: else
        fi;
#endif
#ifdef RING_LAST
        if
        :: large || grows -> large_ring[b % 4] = pushed + 1
        :: else -> small_ring[b % 2] = pushed + 1
        fi;
        bottom = b + 1;
        if
        :: grows -> large = true
        :: else
        fi;
#else
        if
        :: grows -> large = true
        :: else
        fi;
        if
        :: large -> large_ring[b % 4] = pushed + 1
        :: else -> small_ring[b % 2] = pushed + 1
        fi;
        bottom = b + 1;
#endif
        pushed++

    :: bottom > 0 -> /* pop; also between pushes */
        b = bottom - 1;
        item = nothing;
        if
        :: top > b -> skip /* empty */
        :: else ->
#ifdef POP_TOP_FIRST
            t = top;
            bottom = b;
#else
            bottom = b;
            t = top;
#endif
            if
            :: t < b -> read_slot(large, b, item)
            :: else ->
                if
                :: t == b ->
                    read_slot(large, b, item);
#ifdef POP_WITHOUT_SWAP
                    top = t + 1;
#else
                    atomic {
                        if
                        :: top == t -> top = t + 1
                        :: else -> item = nothing
                        fi
                    }
#endif
                :: else
                fi;
                bottom = b + 1
            fi
        fi;
        if
        :: item != nothing -> take(item)
        :: item == nothing && pushed == ITEMS -> break /* top only grows, and nothing is pushed any more */
        :: else
        fi
    od;

    /* When the thieves have ended, too, nothing is left and nothing was taken twice. */
    _nr_pr == 1;
    d_step {
        pushed = 1;
        do
        :: pushed <= ITEMS -> assert(taken[pushed] == 1); pushed++
        :: else -> break
        od
    }
}

active [THIEVES] proctype thief() {
    byte tries, t, b, item;
    bool in_large;

    do
    :: tries < 2 ->
        tries++;
#ifdef STEAL_BOTTOM_FIRST
        b = bottom;
        t = top;
#else
        t = top;
        b = bottom;
#endif
        if
        :: t < b ->
            in_large = large;
            read_slot(in_large, t, item);
#ifdef STEAL_WITHOUT_SWAP
            top = t + 1;
            take(item)
#else
            atomic {
                if
                :: top == t -> top = t + 1
                :: else -> item = nothing
                fi
            };
            if
            :: item != nothing -> take(item)
            :: else
            fi
#endif
        :: else
        fi
    :: tries == 2 -> break
    od
}
