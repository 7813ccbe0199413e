#include <oneapi/dnnl/dnnl.h>
#include <oneapi/dnnl/dnnl_debug.h>

#if DNNL_VERSION_MAJOR != 2
#error "Bobbin is written for oneDNN 2.x (Debian 12's libdnnl-dev); version 3 has another C API."
#endif

// libgomp's own header hides in the compiler's folder, where clang doesn't look.
void omp_set_num_threads(int count);
int omp_get_dynamic(void);
