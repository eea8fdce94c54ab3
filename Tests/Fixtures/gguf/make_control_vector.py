# A GGUF control vector of two layers, written by the gguf package as repeng and llama.cpp's cvector-generator write theirs,
# and read back by it. The Swift writer must give these bytes.
#
# Python 3.11, gguf 0.19.0, numpy:  python make_control_vector.py
from pathlib import Path

import gguf
import numpy as np

path = Path(__file__).parent / "control_vector.gguf"
directions = {1: [0.5, -1.25, 3.0, 1e-3, 7.0], 3: [-0.0, 2.5, -8.0, 1e20, 0.1]}
writer = gguf.GGUFWriter(path, "controlvector")
writer.add_string("controlvector.model_hint", "llama")
writer.add_uint32("controlvector.layer_count", 4)
for layer, values in directions.items():
    writer.add_tensor(f"direction.{layer}", np.array(values, dtype=np.float32))
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()

reader = gguf.GGUFReader(path)
assert [t.name for t in reader.tensors] == ["direction.1", "direction.3"]
for tensor, values in zip(reader.tensors, directions.values()):
    assert tensor.tensor_type == gguf.GGMLQuantizationType.F32 and list(tensor.shape) == [5]
    assert (tensor.data == np.array(values, dtype=np.float32)).all()
assert reader.fields["general.architecture"].contents() == "controlvector"
assert reader.fields["controlvector.layer_count"].contents() == 4
path.chmod(0o644)
print(path.stat().st_size, "bytes")
