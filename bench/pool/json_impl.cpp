// Boost.JSON, compiled here: the program needs no library of Boost's.
#include <boost/json/src.hpp>
