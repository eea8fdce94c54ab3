// HookedModels
