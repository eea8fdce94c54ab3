#!/bin/sh
# Installs the peers from PyPI, each in a folder of its own under .build/peers. Needs python3 with venv.
set -eu
cd "$(dirname "$0")/../.."
root=.build/peers
mkdir -p "$root"

# install NAME PACKAGES…: one virtual environment with PyTorch's CPU wheel where there is one
install() {
  name=$1
  shift
  [ -e "$root/$name/ready" ] && return
  python3 -m venv "$root/$name"
  "$root/$name/bin/pip" install --quiet "torch==2.13.0+cpu" ||
    "$root/$name/bin/pip" install --quiet torch --index-url https://download.pytorch.org/whl/cpu
  "$root/$name/bin/pip" install --quiet "$@"
  "$root/$name/bin/pip" freeze > "$root/$name/ready"
}

install transformers numpy safetensors "transformers>=5" accelerate
install nnsight numpy safetensors accelerate "nnsight==0.8.*"
install lens2 numpy safetensors "transformer_lens==2.18.*" "transformers==4.57.*" "pyarrow<21"
install lens4 numpy safetensors "transformer_lens>=4.3,<5"
install pyvene numpy safetensors "pyvene==0.1.8" "transformers==4.57.*"
install fla numpy safetensors einops triton transformers
"$root/fla/bin/pip" install --quiet --no-deps "flash-linear-attention==0.6.0" "fla-core==0.6.0"
