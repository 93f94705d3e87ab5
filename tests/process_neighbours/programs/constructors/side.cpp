#include <cstdlib>
#include <string>
#include <vector>

static int runs, early;

namespace {
struct Table {
    std::vector<std::string> words;
    Table() : words{"one", "two", "three"} {
        runs++;
        early = std::getenv("CONCURRENT_FUTURES_PROCESS_WORKER") != nullptr;
    }
    ~Table() {}
};
} // namespace

static Table table;

extern "C" int STATE(int *was_early) {
    *was_early = early;
    return table.words.size() == 3 ? runs : -1;
}
