// Settings of jemalloc, which reads this symbol when the program starts; MALLOC_CONF in the environment wins.

extern "C" {

/// lg_extent_max_active_fit: freed pages of any size serve small allocations again. librdkafka allocates
/// every fetched message; with the default of 6 the pages of consumed messages join to extents that are too
/// large to be cut for new ones, so every message lands on fresh pages and memory grows until the pages
/// decay. dirty_decay_ms: buffers come and go with every batch; the default of ten seconds gives a part of
/// them back only to fault it in again. oversize_threshold: state of many keys has arrays of more than 8 MiB,
/// which the default would give back at once, so that each of their pages is faulted in anew when they grow.
extern const char* const malloc_conf;
const char* const malloc_conf = "lg_extent_max_active_fit:16,dirty_decay_ms:60000,oversize_threshold:0";
}
