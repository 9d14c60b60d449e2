// Boost.JSON without its library: this file alone compiles its code.
#include <boost/json/src.hpp>
