// Boost.JSON without its library: this file alone compiles its code, others include <boost/json.hpp>.
#include <boost/json/src.hpp>
