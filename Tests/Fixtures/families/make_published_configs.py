# published_configs.json: the keys that config.json of published checkpoints has, written anew with the values of a tiny
# fixture of the same family. What each of them says must be what the fixture's own config.json says.
#
#   python make_published_configs.py
import json
from pathlib import Path

HERE = Path(__file__).parent
COMMON = dict(hidden_size=32, intermediate_size=48, num_hidden_layers=2, num_attention_heads=4, vocab_size=61,
              max_position_embeddings=64, initializer_range=0.02, use_cache=True)
LLAMA = COMMON | dict(hidden_act="silu", rms_norm_eps=1e-6, tie_word_embeddings=False, bos_token_id=1, eos_token_id=2)
GROUPED = LLAMA | dict(num_key_value_heads=2)


def of(checkpoint, fixture, model_type, architecture, keys, **more):
    config = {"architectures": [architecture], "model_type": model_type} | keys | more
    rows.append({"checkpoint": checkpoint, "fixture": fixture, "config": config})


rows = []
of("openai-community/gpt2", "gpt2-tiny", "gpt2", "GPT2LMHeadModel", dict(
    activation_function="gelu_new", attn_pdrop=0.1, bos_token_id=0, embd_pdrop=0.1, eos_token_id=0,
    initializer_range=0.02, layer_norm_epsilon=1e-5, n_ctx=32, n_embd=32, n_head=4, n_layer=3, n_positions=32,
    n_inner=80, resid_pdrop=0.1, summary_activation=None, summary_first_dropout=0.1, summary_proj_to_labels=True,
    summary_type="cls_index", summary_use_proj=True, vocab_size=61,
    task_specific_params={"text-generation": {"do_sample": True, "max_length": 50}}))
of("EleutherAI/gpt-j-6b", "gptj-tiny", "gptj", "GPTJForCausalLM", dict(
    activation_function="gelu_new", attn_pdrop=0.0, bos_token_id=50256, embd_pdrop=0.0, eos_token_id=50256,
    gradient_checkpointing=False, initializer_range=0.02, layer_norm_epsilon=1e-5, n_embd=32, n_head=4, n_inner=48,
    n_layer=2, n_positions=64, resid_pdrop=0.0, rotary=True, rotary_dim=4, scale_attn_weights=True,
    summary_activation=None, summary_first_dropout=0.1, summary_proj_to_labels=True, summary_type="cls_index",
    summary_use_proj=True, transformers_version="4.18.0.dev0", tokenizer_class="GPT2Tokenizer",
    task_specific_params={"text-generation": {"do_sample": True, "max_length": 50, "temperature": 1.0}},
    tie_word_embeddings=False, use_cache=True, vocab_size=61))
of("EleutherAI/pythia-6.9b", "neox-tiny", "gpt_neox", "GPTNeoXForCausalLM", COMMON, bos_token_id=0, eos_token_id=0,
   hidden_act="gelu", layer_norm_eps=1e-5, rotary_emb_base=1000, rotary_pct=0.5, tie_word_embeddings=False,
   torch_dtype="float16", transformers_version="4.24.0", use_parallel_residual=True)
OPT = dict(
    _remove_final_layer_norm=False, activation_dropout=0.0, activation_function="relu", attention_dropout=0.0,
    bos_token_id=2, do_layer_norm_before=True, dropout=0.1, eos_token_id=2, ffn_dim=48, hidden_size=32, init_std=0.02,
    layerdrop=0.0, max_position_embeddings=64, num_attention_heads=4, num_hidden_layers=2, pad_token_id=1,
    prefix="</s>", torch_dtype="float16", transformers_version="4.21.0.dev0", use_cache=True, vocab_size=61,
    word_embed_proj_dim=32)
of("facebook/opt-1.3b", "opt-tiny", "opt", "OPTForCausalLM", OPT)
XGLM = dict(
    activation_dropout=0, activation_function="gelu", attention_dropout=0.1, attention_heads=4, d_model=32,
    dropout=0.1, ffn_dim=48, init_std=0.02, layerdrop=0.0, max_position_embeddings=64, num_layers=2,
    scale_embedding=True, use_cache=True, vocab_size=61)
of("facebook/xglm-564M", "xglm-tiny", "xglm", "XGLMForCausalLM", XGLM, bos_token_id=0, decoder_start_token_id=2,
   eos_token_id=2, pad_token_id=1, torch_dtype="float32", transformers_version="4.16.0.dev0")
of("KoboldAI/fairseq-dense-1.3B", "xglm-tiny", "xglm", "XGLMForCausalLM", XGLM, bos_token_id=50257,
   eos_token_id=50259, tokenizer_class="GPT2Tokenizer", transformers_version="4.17.0", newlinemode="s")
of("microsoft/phi-2", "phi-tiny", "phi", "PhiForCausalLM", COMMON, attention_dropout=0.0, bos_token_id=50256,
   embd_pdrop=0.0, eos_token_id=50256, hidden_act="gelu_new", layer_norm_eps=1e-5, num_key_value_heads=4,
   partial_rotary_factor=0.5, qk_layernorm=False, resid_pdrop=0.1, rope_scaling=None, rope_theta=10000.0,
   tie_word_embeddings=False, torch_dtype="float16", transformers_version="4.37.0")
of("microsoft/phi-1_5", "phi-tiny", "phi", "PhiForCausalLM", COMMON, attention_dropout=0.0, bos_token_id=None,
   embd_pdrop=0.0, eos_token_id=None, hidden_act="gelu_new", layer_norm_eps=1e-5, num_key_value_heads=None,
   partial_rotary_factor=0.5, qk_layernorm=False, resid_pdrop=0.0, rope_scaling=None, rope_theta=10000.0,
   tie_word_embeddings=False, torch_dtype="float16", transformers_version="4.37.0")
of("huggyllama/llama-7b", "llama-mha", "llama", "LlamaForCausalLM", LLAMA | dict(
    intermediate_size=56, num_hidden_layers=3, rms_norm_eps=1e-2, tie_word_embeddings=True), pad_token_id=0,
   max_sequence_length=64, torch_dtype="float16", transformers_version="4.28.0.dev0")
of("meta-llama/Llama-2-7b-hf", "llama-mha", "llama", "LlamaForCausalLM", LLAMA | dict(
    intermediate_size=56, num_hidden_layers=3, rms_norm_eps=1e-2, tie_word_embeddings=True), num_key_value_heads=4,
   pretraining_tp=1, rope_scaling=None, torch_dtype="float16", transformers_version="4.31.0.dev0")
of("meta-llama/Llama-3.1-8B", "llama3-scaled", "llama", "LlamaForCausalLM", GROUPED, attention_bias=False,
   attention_dropout=0.0, mlp_bias=False, pretraining_tp=1, rope_theta=1000.0, rope_scaling=dict(
       factor=8.0, low_freq_factor=1.0, high_freq_factor=4.0, original_max_position_embeddings=32,
       rope_type="llama3"), torch_dtype="bfloat16", transformers_version="4.43.0.dev0")
of("meta-llama/Llama-3.2-1B", "llama3-scaled", "llama", "LlamaForCausalLM", GROUPED, attention_bias=False,
   attention_dropout=0.0, head_dim=8, mlp_bias=False, pretraining_tp=1, rope_theta=1000.0, rope_scaling=dict(
       factor=8.0, high_freq_factor=4.0, low_freq_factor=1.0, original_max_position_embeddings=32,
       rope_type="llama3"), torch_dtype="bfloat16", transformers_version="4.45.0.dev0")
of("mistralai/Mistral-7B-v0.1", "mistral-window", "mistral", "MistralForCausalLM", GROUPED, rope_theta=10000.0,
   sliding_window=5, torch_dtype="bfloat16", transformers_version="4.34.0.dev0")
QWEN2 = dict(attention_dropout=0.0, rope_theta=10000.0, torch_dtype="bfloat16", transformers_version="4.40.1",
             use_mrope=False)
of("Qwen/Qwen2.5-3B (its windows turned on)", "qwen2-tiny", "qwen2", "Qwen2ForCausalLM", GROUPED | QWEN2,
   max_window_layers=1, sliding_window=4, use_sliding_window=True)
of("Qwen/Qwen3-0.6B", "qwen3-tiny", "qwen3", "Qwen3ForCausalLM", GROUPED, attention_bias=False, attention_dropout=0.0,
   head_dim=12, max_window_layers=28, rope_scaling=None, rope_theta=10000.0, sliding_window=None,
   torch_dtype="bfloat16", transformers_version="4.51.0", use_sliding_window=False)
GEMMA = GROUPED | dict(head_dim=12, attention_bias=False, attention_dropout=0.0, pad_token_id=0, rope_theta=10000.0)
del GEMMA["tie_word_embeddings"], GEMMA["hidden_act"]
of("google/gemma-2b", "gemma-tiny", "gemma", "GemmaForCausalLM", GEMMA, hidden_act="gelu",
   hidden_activation="gelu_pytorch_tanh", rope_scaling=None, torch_dtype="bfloat16", transformers_version="4.38.0.dev0")
of("google/gemma-2b, first edition", "gemma-tiny", "gemma", "GemmaForCausalLM", GEMMA, hidden_act="gelu",
   rope_scaling=None, torch_dtype="bfloat16", transformers_version="4.38.0.dev0")
of("google/gemma-2-2b", "gemma2-tiny", "gemma2", "Gemma2ForCausalLM", GEMMA, attn_logit_softcapping=2.0,
   cache_implementation="hybrid", final_logit_softcapping=3.0, hidden_act="gelu_pytorch_tanh",
   hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=20, sliding_window=5, torch_dtype="float32",
   transformers_version="4.42.4")
of("google/gemma-3-1b-pt (scaled as the larger ones)", "gemma3-tiny", "gemma3_text", "Gemma3ForCausalLM",
   GEMMA | dict(rope_theta=1000.0), attn_logit_softcapping=None, cache_implementation="hybrid",
   final_logit_softcapping=None, hidden_activation="gelu_pytorch_tanh", query_pre_attn_scalar=20,
   rope_local_base_freq=100, rope_scaling=dict(factor=8.0, rope_type="linear"), sliding_window=5,
   sliding_window_pattern=2, torch_dtype="bfloat16", transformers_version="4.50.0.dev0")
(HERE / "published_configs.json").write_text(json.dumps(rows, indent=1) + "\n")
print(len(rows))
