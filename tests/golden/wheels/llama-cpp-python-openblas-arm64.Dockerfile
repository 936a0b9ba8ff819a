# What llama-cpp-python-openblas-arm64 is compiled in. Rendered by inferpack.
# By hand: docker run --rm -it --network none -v inferpack-ccache:/ccache IMAGE bash
FROM scratch
ADD --link layers/tools.tar /
ADD --link layers/packaging-26.3.tar /
ADD --link layers/pathspec-1.1.1.tar /
ADD --link layers/scikit-build-core-1.1.2.tar /
ADD --link layers/sysroot.tar /
ADD --link layers/toolchain.tar /
ENV PATH="/usr/lib/ccache:/usr/local/bin:/usr/bin" \
    LANG="C.UTF-8" \
    PYTHONUNBUFFERED="1" \
    SOURCE_DATE_EPOCH="315532800" \
    CC="aarch64-linux-gnu-gcc --sysroot=/opt/sysroot" \
    CXX="aarch64-linux-gnu-g++ --sysroot=/opt/sysroot" \
    AR="aarch64-linux-gnu-ar" \
    STRIP="aarch64-linux-gnu-strip" \
    CFLAGS="-O2 -DNDEBUG -ffile-prefix-map=/build=." \
    CXXFLAGS="-O2 -DNDEBUG -ffile-prefix-map=/build=." \
    CMAKE_GENERATOR="Ninja" \
    CMAKE_TOOLCHAIN_FILE="/opt/inferpack/toolchain.cmake" \
    PKG_CONFIG_SYSROOT_DIR="/opt/sysroot" \
    PKG_CONFIG_LIBDIR="/opt/sysroot/usr/lib/aarch64-linux-gnu/pkgconfig:/opt/sysroot/usr/share/pkgconfig" \
    _PYTHON_HOST_PLATFORM="linux-aarch64" \
    _PYTHON_SYSCONFIGDATA_NAME="_sysconfigdata_of_target" \
    CCACHE_COMPILERCHECK="content" \
    CCACHE_DEPEND="1" \
    CCACHE_DIR="/ccache" \
    CCACHE_MAXSIZE="5G" \
    CCACHE_NAMESPACE="-ffile-prefix-map=/build=." \
    CCACHE_STATSLOG="/build/ccache.log"
USER 10001:10001
WORKDIR /build/source
CMD ["bash"]
