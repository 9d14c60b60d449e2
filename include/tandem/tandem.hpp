// Everything of floors 0 and 1: tasks, structured concurrency, synchronization, the companion pool. No Asio
// in here: the bridge is tandem/asio.hpp, the network tandem/http.hpp.
#pragma once

#include <tandem/concurrency/concurrent_map.hpp>
#include <tandem/concurrency/outcome.hpp>
#include <tandem/concurrency/sleep.hpp>
#include <tandem/concurrency/task_group.hpp>
#include <tandem/concurrency/when_all.hpp>
#include <tandem/concurrency/when_any.hpp>
#include <tandem/concurrency/with_timeout.hpp>
#include <tandem/core/error.hpp>
#include <tandem/core/invoke.hpp>
#include <tandem/core/runtime.hpp>
#include <tandem/core/task.hpp>
#include <tandem/observe/stall_detector.hpp>
#include <tandem/observe/tasks.hpp>
#include <tandem/observe/trace.hpp>
#include <tandem/parallelism/offload.hpp>
#include <tandem/parallelism/thread_pool.hpp>
#include <tandem/sync/channel.hpp>
#include <tandem/sync/event.hpp>
#include <tandem/sync/mutex.hpp>
#include <tandem/sync/semaphore.hpp>
