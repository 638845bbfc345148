"""Keys that people know from elsewhere: what segkit has instead, or does."""

ANSWERS = {
    name: answer
    for names, answer in (
        (
            "epochs max_epochs num_epochs n_epochs",
            "give train.iterations, which is pictures * epochs / train.batch_size",
        ),
        (
            "max_iters max_iterations num_iterations iters steps max_steps total_iters total_itrs",
            "give train.iterations",
        ),
        (
            "patience early_stop early_stopping earlystopping",
            "a training runs to the end of train.iterations, and best.safetensors is the best of its evaluations, one "
            "every train.evaluate_every iterations",
        ),
        (
            "save_best monitor metric metrics save_top_k best_metric",
            "best.safetensors is always the network with the best mIoU on the val split so far",
        ),
        (
            "val_interval eval_interval eval_every val_every eval_freq evaluation_interval check_val_every_n_epoch "
            "validate_every test_interval",
            "give train.evaluate_every, in iterations",
        ),
        (
            "save_every save_interval checkpoint_interval save_freq checkpoint_every",
            "the state is saved every train.save_minutes and with each evaluation (train.evaluate_every)",
        ),
        (
            "optimizer optimiser optim adam adamw sgd nesterov betas",
            "the optimiser is SGD, with train.lr, train.momentum and train.weight_decay",
        ),
        ("learning_rate base_lr lr0 init_lr initial_lr", "give train.lr"),
        (
            "scheduler lr_scheduler schedule lr_schedule lr_policy lr_decay cosine step_size gamma milestones",
            "the learning rate follows the poly schedule of train.power, after train.warmup iterations",
        ),
        ("warmup_iters warmup_steps warmup_epochs warmup_iterations", "give train.warmup, in iterations"),
        (
            "loss losses loss_fn loss_type criterion loss_function dice dice_weight focal lovasz",
            "the loss is the cross entropy, weighed by train.class_weights, to which train.jaccard adds a soft Jaccard "
            "term, that is akin to Dice",
        ),
        (
            "oversampling sampler balance class_balanced weighted_sampler balanced rare_classes",
            "give train.oversample=true, which shows rare classes more often, or train.class_weights",
        ),
        ("class_weight weights_per_class loss_weights", "give train.class_weights, a number for each class"),
        (
            "freeze_backbone freeze_encoder frozen frozen_stages freeze_layers freeze_at trainable_backbone",
            "give train.freeze=[backbone], or train.head_lr over train.lr to let it learn more slowly",
        ),
        (
            "freeze_bn freeze_batch_norm freeze_batchnorm norm_eval bn_eval sync_bn syncbn",
            "train.batch_norm=freeze keeps the statistics of the starting weights",
        ),
        (
            "resize image_size img_size imgsz input_size img_scale image_scale size height width_height resolution",
            "pictures are not resized: train.crop is the side of the crops to train on, train.scales the range that "
            "they are scaled by at random",
        ),
        ("crop_size base_size patch_size tile_size", "give train.crop, the side of a square in pixels"),
        (
            "vertical_flip vflip rotate rotation rot90 augment augmentation augmentations transforms transform aug "
            "cutout mixup cutmix mosaic blur random_crop",
            "pictures are scaled (train.scales), mirrored (train.mirror), changed in colour (train.jitter) and cropped "
            "(train.crop), nothing else: turned or flipped pictures can be added as files",
        ),
        ("flip hflip horizontal_flip fliplr random_flip", "give train.mirror"),
        ("color_jitter colour_jitter brightness contrast saturation hue hsv", "give train.jitter"),
        ("amp fp16 bf16 half use_amp mixed_precision autocast", "give train.precision: auto, fp32, bf16 or fp16"),
        (
            "gpus gpu gpu_id gpu_ids num_gpus n_gpus devices cuda accelerator strategy distributed ddp",
            "torchrun starts a process for each (docs/cluster.md); train.device=cuda:1 is one of them",
        ),
        ("num_workers n_workers dataloader_workers", "give train.workers"),
        ("skip_bad skip_broken skip_corrupt ignore_errors on_error", "give train.on_bad_picture=skip"),
        (
            "gradient_clip grad_clip clip_grad clip_grad_norm gradient_clip_val max_grad_norm clip",
            "gradients are not clipped, and a step whose gradient is not finite is left out: lower train.lr or raise "
            "train.warmup",
        ),
        (
            "gradient_accumulation accumulation_steps accumulate_grad_batches grad_accum gradient_accumulation_steps",
            "give train.accumulate, the parts that a batch of train.batch_size is computed in",
        ),
        ("batch bs batchsize batch_sizes samples_per_gpu train_batch_size", "give train.batch_size"),
        ("random_seed manual_seed rng_seed", "give train.seed"),
        ("ema_decay use_ema", "give train.ema, the decay of the moving average"),
        (
            "wandb logger use_wandb visdom",
            "metrics.jsonl has every measurement, train.tensorboard=true writes for TensorBoard",
        ),
        (
            "pretrained pretrained_weights checkpoint ckpt load_from init_from finetune encoder_weights weights_path",
            "give model.weights: imagenet, a name of `segkit weights` or a file",
        ),
        ("resume resume_from auto_resume", "give --resume on the command line"),
        ("output out out_dir output_dir work_dir save_dir log_dir project", "give --out FOLDER on the command line"),
        ("encoder encoder_name arch architecture model_name network net", "give model.backbone and model.aspp"),
        ("os stride outstride encoder_output_stride", "give model.output_stride: 8, 16 or 32"),
        ("atrous_rates dilations rates", "they follow from model.output_stride; model.aspp switches them on"),
        (
            "num_classes n_classes nclass nc number_of_classes num_labels",
            "data.classes names the classes, and so many there are",
        ),
        ("names class_names labels_names categories", "give data.classes, the names in the order of their numbers"),
        (
            "img_suffix image_suffix img_ext image_ext seg_map_suffix mask_suffix label_suffix suffix ext extension "
            "extensions",
            "pictures of every ending that segkit reads are taken, labels are PNGs of the same names",
        ),
        ("data_root dataroot dataset_dir data_dir path dataset_path", "give data.root"),
        ("image_dir img_dir images_dir image_folder train_images img_path", "give data.images"),
        (
            "mask_dir masks_dir masks ann_dir label_dir labels_dir label_folder annotations seg_map_path",
            "give data.labels",
        ),
        ("train_list val_list lists split_file file_list", "give data.list, in which {split} stands for the split"),
        ("split splits", "give data.train_split and data.val_split"),
        ("palette colors color colour colormap colour_map color_map", "give data.colours"),
        ("ignore_index ignore_label void void_label ignore_value reduce_zero_label", "give data.ignore"),
        ("label_map class_map remap id_map", "give data.mapping, from values in the files to classes"),
    )
    for name in names.split()
}
"""The answer by the last part of a key, in lower case; it is a sentence that goes after a colon."""
