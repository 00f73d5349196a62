# The image that AWS Batch runs: docker build --build-arg CONFIG=configs/prod.yaml --tag querygen .
# It holds the plugins that CONFIG uses and nothing else; README.md, "In a container", says how to run it.
ARG PYTHON_IMAGE=python:3.11-slim-bookworm

FROM ${PYTHON_IMAGE} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore PIP_QUIET=1
WORKDIR /build

# What comes from elsewhere, before any source: a layer that only CONFIG, EXTRAS and requirements.lock change.
# Bytecode that does not depend on the times of files stays valid in an image whose times were all set to one.
ARG CONFIG=configs/prod.yaml
# More than CONFIG names: "embedded" for a database of querygen's own, "aws" for catalogues in S3.
ARG EXTRAS=
COPY .ci/needed.py requirements.lock ./
COPY ${CONFIG} config.yaml
RUN python needed.py plugins config.yaml > plugins.txt \
 && python needed.py pins requirements.lock build > build.txt \
 && xargs -a plugins.txt python needed.py pins requirements.lock core ${EXTRAS} > pins.txt \
 && python -m venv --without-pip tools \
 && python -m pip --python tools/bin/python install --no-deps --only-binary :all: --require-hashes -r build.txt \
 && python -m venv --without-pip /opt/querygen \
 && python -m pip --python /opt/querygen/bin/python install --no-compile --no-deps --only-binary :all: \
    --require-hashes -r pins.txt \
 && python -m compileall -q --invalidation-mode unchecked-hash /opt/querygen/lib

# The certificates of Amazon RDS, if their hash is given: sha256sum of the file, which changes every few years.
ARG RDS_CA_URL=https://truststore.pki.rds.amazonaws.com/global/global-bundle.pem
ARG RDS_CA_SHA256=
COPY .ci/fetch.py ./
RUN mkdir /etc/ssl/rds && python fetch.py "${RDS_CA_URL}" "${RDS_CA_SHA256}" /etc/ssl/rds/global-bundle.pem

# Our own wheels, made and installed without a network, apart from the rest: what a change of source makes anew.
ARG SOURCE_DATE_EPOCH
COPY pyproject.toml README.md LICENSE ./
COPY querygen_core querygen_core/
COPY prompts prompts/
COPY plugins plugins/
RUN for name in $(cat plugins.txt) ${EXTRAS}; do if [ -d "plugins/${name}" ]; then set -- "$@" "./plugins/${name}"; fi; done \
 && python -m pip --python tools/bin/python wheel --no-index --no-deps --no-build-isolation --wheel-dir wheels . "$@" \
 && python -m pip --python /opt/querygen/bin/python install --no-compile --prefix /own --no-index --no-deps wheels/*.whl \
 && python -m compileall -q --invalidation-mode unchecked-hash -s /own -p /opt/querygen /own/lib

FROM ${PYTHON_IMAGE}
ENV PATH=/opt/querygen/bin:${PATH} HOME=/tmp QUERYGEN_STATE_DIR=/var/lib/querygen \
    PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
# The user is written by hand, for useradd would note the date; the embedded PostgreSQL needs its user to have a name.
# The official image has no bytecode for Python's own library, and where the root is read-only it would never get any.
RUN echo 'querygen:x:10001:10001::/tmp:/usr/sbin/nologin' >> /etc/passwd \
 && echo 'querygen:x:10001:' >> /etc/group \
 && python -m pip uninstall --quiet --yes --root-user-action ignore setuptools wheel pip \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash -x '/(ensurepip|idlelib|lib2to3|test|site-packages)/' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')" \
 && mkdir /querygen /var/lib/querygen \
 && ln -s /var/lib/querygen /querygen/output \
 && chown 10001:10001 /var/lib/querygen
WORKDIR /querygen
COPY --from=build /etc/ssl/rds /etc/ssl/rds
COPY --from=build /opt/querygen /opt/querygen
COPY prompts prompts/
COPY configs configs/
COPY --from=build /own /opt/querygen
USER 10001:10001
ARG CONFIG=configs/prod.yaml
RUN querygen check "${CONFIG}"

# All that is ever written to; everything else may be read-only.
VOLUME ["/var/lib/querygen", "/tmp"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["querygen"]
CMD ["--help"]
