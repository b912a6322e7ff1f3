# The target edgekit_torch: libtorch from a wheel or a C++ distribution, CPU or CUDA build. find_package(Torch) is not
# used, because with a CUDA build it needs a complete CUDA toolkit, which running on the CPU does not.
set(EDGEKIT_TORCH_ROOT "" CACHE PATH "The folder with libtorch's include/ and lib/; empty: Python's torch")
if(NOT EDGEKIT_TORCH_ROOT)
  find_package(Python3 REQUIRED COMPONENTS Interpreter)
  execute_process(
    COMMAND ${Python3_EXECUTABLE} -c
      "import importlib.util as u; s = u.find_spec('torch'); print(s.submodule_search_locations[0] if s else '')"
    OUTPUT_VARIABLE EDGEKIT_TORCH_FOUND OUTPUT_STRIP_TRAILING_WHITESPACE COMMAND_ERROR_IS_FATAL ANY)
  if(NOT EDGEKIT_TORCH_FOUND)
    message(FATAL_ERROR "${Python3_EXECUTABLE} has no torch: install it, or set EDGEKIT_TORCH_ROOT or Python3_EXECUTABLE, "
      "or set EDGEKIT_WITH_TORCH=OFF")
  endif()
  set(EDGEKIT_TORCH_ROOT ${EDGEKIT_TORCH_FOUND} CACHE PATH "" FORCE)
endif()

# A cross build searches only its root, which does not contain the wheel. Not cached, so that another EDGEKIT_TORCH_ROOT
# has an effect.
find_library(EDGEKIT_TORCH_CPU torch_cpu PATHS ${EDGEKIT_TORCH_ROOT} PATH_SUFFIXES lib lib/${CMAKE_LIBRARY_ARCHITECTURE} NO_CACHE REQUIRED NO_DEFAULT_PATH
  NO_CMAKE_FIND_ROOT_PATH)
find_library(EDGEKIT_TORCH_C10 c10 PATHS ${EDGEKIT_TORCH_ROOT} PATH_SUFFIXES lib lib/${CMAKE_LIBRARY_ARCHITECTURE} NO_CACHE REQUIRED NO_DEFAULT_PATH
  NO_CMAKE_FIND_ROOT_PATH)
message(STATUS "libtorch: ${EDGEKIT_TORCH_CPU}")

add_library(edgekit_torch INTERFACE)
target_include_directories(edgekit_torch SYSTEM INTERFACE
  ${EDGEKIT_TORCH_ROOT}/include ${EDGEKIT_TORCH_ROOT}/include/torch/csrc/api/include)
# The CUDA build needs libraries that are found only at run time. The operators register themselves when libtorch_cpu is
# loaded, so it stays linked although few of its symbols are used.
target_link_libraries(edgekit_torch INTERFACE
  -Wl,--no-as-needed ${EDGEKIT_TORCH_CPU} ${EDGEKIT_TORCH_C10} -Wl,--as-needed -Wl,--allow-shlib-undefined)
foreach(folder ${EDGEKIT_TORCH_ROOT}/lib ${EDGEKIT_TORCH_ROOT}/../torch.libs)
  if(IS_DIRECTORY ${folder})
    target_link_options(edgekit_torch INTERFACE -Wl,-rpath-link,${folder})
  endif()
endforeach()
