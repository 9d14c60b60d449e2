// The smallest program of another project.
#include <tandem/tandem.hpp>

tandem::task<int> answer() {
    co_return 0;
}

int main() {
    return tandem::run(answer);
}
