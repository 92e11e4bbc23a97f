"""RefCOCO's files, in miniature."""

import json
import pickle

import cv2
import numpy as np

from mmseg_ros.datasets.refer_coco import SPLITS

SQUARE = [[4, 2, 12, 2, 12, 10, 4, 10]]


def reference(ref_id, ann_id, image_id, split, *raw):
    return {
        'ref_id': ref_id,
        'ann_id': ann_id,
        'image_id': image_id,
        'category_id': 1,
        'file_name': f'COCO_train2014_{image_id:012d}_{ann_id}.jpg',
        'split': split,
        'sent_ids': list(range(len(raw))),
        'sentences': [
            {'raw': text, 'sent': text.lower(), 'sent_id': i, 'tokens': text.lower().split()}
            for i, text in enumerate(raw)
        ],
    }


def write_refcoco(root):
    """Write RefCOCO, RefCOCO+ and RefCOCOg with two images, in the official layout."""
    images = root / 'images/mscoco/images/train2014'
    images.mkdir(parents=True)
    for image_id, color in ((7, (255, 0, 0)), (9, (0, 0, 255))):
        pixels = np.full((20, 30, 3), color[::-1], np.uint8)
        cv2.imwrite(str(images / f'COCO_train2014_{image_id:012d}.jpg'), pixels)
    references = [
        reference(2, 21, 9, 'train', 'the blue one'),
        reference(1, 11, 7, 'train', 'Left square!', 'red'),
        reference(3, 21, 9, 'testA', 'all of it'),
        reference(4, 11, 7, 'val', 'the square on the left'),
    ]
    for name, splits in SPLITS.items():
        folder = root / name
        folder.mkdir()
        for split_by in splits:
            # Python 2 wrote these files.
            data = pickle.dumps(references, protocol=2)
            (folder / f'refs({split_by}).p').write_bytes(data)
        instances = {
            'images': [{'id': i, 'height': 20, 'width': 30} for i in (7, 9)],
            'annotations': [
                {'id': 11, 'image_id': 7, 'segmentation': SQUARE},
                {
                    'id': 21,
                    'image_id': 9,
                    'segmentation': {'size': [20, 30], 'counts': [0, 600]},
                },
                {'id': 99, 'image_id': 9, 'segmentation': []},
            ],
        }
        (folder / 'instances.json').write_text(json.dumps(instances))
